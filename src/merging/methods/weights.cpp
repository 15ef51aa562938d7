#include "merging/methods/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numeric>

#include "brainsurgery/error.h"

namespace brainsurgery::merging {

double divisor_of(const std::vector<double>& weights) {
  constexpr double kLeast = 1e-8;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (std::abs(sum) >= kLeast) return sum;
  throw Error(ErrorCode::plan, fmt::format("the weights {} add up to {}, by which they cannot be divided", fmt::join(weights, ", "), sum),
              {}, {"'normalize: false' leaves them as they are"});
}

}  // namespace brainsurgery::merging
