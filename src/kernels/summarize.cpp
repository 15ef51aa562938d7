#include <algorithm>
#include <array>

#include "kernels/kernels.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels {
namespace {

// Number i goes to lane i % kLanes; the lanes are then combined in order.
struct SummarizeLoop {
  static constexpr std::size_t kLanes = 16;

  BS_INLINE static Summary run(const double* values, std::int64_t n) {
    std::array<double, kLanes> min, max, sum{};
    min.fill(Summary{}.min);
    max.fill(Summary{}.max);
    const auto add = [&](double value, std::size_t lane) __attribute__((always_inline)) {
      min[lane] = min[lane] < value ? min[lane] : value;
      max[lane] = max[lane] > value ? max[lane] : value;
      sum[lane] += value;
    };
    std::int64_t i = 0;
    for (; i + static_cast<std::int64_t>(kLanes) <= n; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) add(values[i + static_cast<std::int64_t>(lane)], lane);
    }
    for (; i < n; ++i) add(values[i], static_cast<std::size_t>(i) % kLanes);
    Summary all;
    for (std::size_t lane = 0; lane < kLanes; ++lane) all = combined(all, {min[lane], max[lane], sum[lane]});
    // Comparisons overlook NaN, a sum does not; but it is NaN for infinities of both signs, too.
    const bool suspicious = all.sum != all.sum;
    if (suspicious && std::any_of(values, values + n, [](double value) { return value != value; })) {
      all.min = all.max = all.sum;
    }
    return all;
  }
};

}  // namespace

Summary summarize(const double* values, std::int64_t n) { return run_widest<SummarizeLoop>(values, n); }

Summary combined(const Summary& a, const Summary& b) {
  const double least = larger_or_nan(-a.min, -b.min);
  return {-least, larger_or_nan(a.max, b.max), a.sum + b.sum};
}

}  // namespace brainsurgery::kernels
