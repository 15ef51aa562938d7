// What the taps of programs have found so far: the states of reductions whose elements pass by while an output is made.
// Shared by the workers.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "exec/tile_runner.h"
#include "planner/passing_reductions.h"

namespace brainsurgery {

class RunningReductions final : public TapReader {
 public:
  // Told of a reduction whose result is known before all elements were looked at; on any thread. Whether what is
  // written is of use all the same.
  using Settled = std::function<bool(int number, const Expr& value)>;

  // `passing` must outlive it.
  RunningReductions(const PassingReductions& passing, Settled settled);

  void take(const Tap& tap, std::span<const void* const> operands, std::int64_t first, std::int64_t count) override;

  // Nothing that is written will be of use.
  [[nodiscard]] bool stopped() const { return stopped_; }
  // The result, a literal: of all elements that were looked at.
  [[nodiscard]] Expr value(int number) const;
  // The same where no further elements can change it.
  [[nodiscard]] std::optional<Expr> settled_value(int number) const;

 private:
  struct Running {
    mutable std::mutex mutex;
    std::vector<std::byte> states;
    std::atomic<bool> settled = false;
  };

  const PassingReductions& passing_;
  Settled settled_;
  std::vector<Running> running_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace brainsurgery
