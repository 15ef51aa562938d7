// What the tests of programs have found so far. Shared by the workers.
#pragma once

#include <atomic>
#include <vector>

#include "planner/questions.h"

namespace brainsurgery {

// Whether a condition holds for `count` elements of its operands.
[[nodiscard]] bool holds(const checks::EqualValues& condition, const std::byte* a, const std::byte* b,
                         std::int64_t count);
[[nodiscard]] bool holds(const checks::SmallValues& condition, const std::byte* a, std::int64_t count);

// What is known of a comparison after some of its elements, in any order and by several threads.
class RunningDifference {
 public:
  void add(const ValueComparison& comparison, const std::byte* a, const std::byte* b, std::int64_t count);
  // Nothing that is still to come can change the result.
  [[nodiscard]] bool is_final() const;
  [[nodiscard]] Difference result(const ValueComparison& comparison) const;

 private:
  std::atomic<bool> differs_ = false;  // without a distance
  std::atomic<double> largest_ = 0;    // with one
};

class Answers {
 public:
  explicit Answers(const Questions& questions)
      : questions_(questions), failed_(questions.size()), differences_(questions.size()) {}

  // Looks at some elements of the operands of a question.
  void test(int number, const std::vector<const std::byte*>& operands, std::int64_t count);

  // A condition that does not hold.
  [[nodiscard]] bool failed(int number) const { return failed_[static_cast<std::size_t>(number)]; }
  // One without which an assertion cannot hold.
  [[nodiscard]] bool required_failed() const { return required_failed_; }
  // Of a comparison, of what was looked at.
  [[nodiscard]] Difference difference(int number) const;
  [[nodiscard]] const Questions& questions() const { return questions_; }

 private:
  struct Look;
  void fail(int number);

  const Questions& questions_;
  std::vector<std::atomic<bool>> failed_;
  std::vector<RunningDifference> differences_;
  std::atomic<bool> required_failed_ = false;
};

// Thrown out of Executor::write when what is written will be of no use, since an assertion cannot hold any more.
struct TestFailed {};

}  // namespace brainsurgery
