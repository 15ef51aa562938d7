// Sums of weights as divisors.
#pragma once

#include <vector>

namespace brainsurgery::merging {

// Their sum. Throws Error(plan) where it is 0, or so small that only rounding is left of it.
[[nodiscard]] double divisor_of(const std::vector<double>& weights);

}  // namespace brainsurgery::merging
