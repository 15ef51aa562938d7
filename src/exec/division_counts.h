// How many divisions of floats were by zero, by the step and the tensor that they made.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "brainsurgery/expr.h"

namespace brainsurgery {

struct DivisionCount {
  std::int64_t by_zero = 0, all = 0;
};

class DivisionCounts {
 public:
  void add(const MakerPtr& maker, const DivisionCount& count) {
    DivisionCount& sum = counts_[maker];
    sum.by_zero += count.by_zero;
    sum.all += count.all;
  }
  void add(const DivisionCounts& others) {
    for (const auto& [maker, count] : others.counts_) add(maker, count);
  }
  [[nodiscard]] const std::unordered_map<MakerPtr, DivisionCount>& counts() const { return counts_; }

 private:
  std::unordered_map<MakerPtr, DivisionCount> counts_;
};

}  // namespace brainsurgery
