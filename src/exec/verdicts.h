// What the tests of programs have found so far. Shared by the workers.
#pragma once

#include <atomic>
#include <vector>

#include "planner/conditions.h"

namespace brainsurgery {

// Whether a condition holds for `count` elements of its operands.
[[nodiscard]] bool holds(const checks::EqualValues& condition, const std::byte* a, const std::byte* b,
                         std::int64_t count);
[[nodiscard]] bool holds(const checks::SmallValues& condition, const std::byte* a, std::int64_t count);

class Verdicts {
 public:
  explicit Verdicts(const Conditions& conditions) : conditions_(conditions), failed_(conditions.size()) {}

  // Looks at some elements of the operands of a condition.
  void test(int number, const std::vector<const std::byte*>& operands, std::int64_t count);

  [[nodiscard]] bool failed(int number) const { return failed_[static_cast<std::size_t>(number)]; }
  // One without which an assertion cannot hold.
  [[nodiscard]] bool required_failed() const { return required_failed_; }
  [[nodiscard]] const Conditions& conditions() const { return conditions_; }

 private:
  const Conditions& conditions_;
  std::vector<std::atomic<bool>> failed_;
  std::atomic<bool> required_failed_ = false;
};

// Thrown out of Executor::write when what is written will be of no use, since an assertion cannot hold any more.
struct TestFailed {};

}  // namespace brainsurgery
