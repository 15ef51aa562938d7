#include "planner/dense_costs.h"

#include <algorithm>

namespace brainsurgery {
namespace {

// The program's own loops take about 10 ms for a product of 2^26 multiplications and additions, and 40 ms for a
// decomposition with rows * columns * shorter side = 2^23; loading libtorch takes 350 ms of processor time (measured,
// docs/performance.md).
constexpr double kSmallProduct = 1 << 26;
constexpr double kSmallDecomposition = 1 << 23;

std::int64_t doubles(double count) { return static_cast<std::int64_t>(std::min(count * sizeof(double), 0x1p60)); }

}  // namespace

// Half types are multiplied as float.
DenseCost product_cost(const TensorDesc& a, const TensorDesc& b, const Shape& result) {
  const std::int64_t made = element_count(result), elements = element_count(a.shape) + element_count(b.shape) + made;
  const bool is_half = a.dtype == DType::F16 || a.dtype == DType::BF16;
  return {.needs_libtorch = static_cast<double>(made) * static_cast<double>(a.shape.back()) > kSmallProduct,
          .work_bytes = is_half ? elements * static_cast<std::int64_t>(sizeof(float)) : 0};
}

// With libtorch: two copies of the matrix, all vectors and LAPACK's own memory (xGESDD). Or as many vectors as an
// iteration usually ends with, those of its last step included, and a few copies of the rows that it takes at a time
// (measured; see src/exec/dense/singular_factors.cpp).
DenseCost factors_cost(const TensorDesc& matrix, std::int64_t count, bool exact) {
  constexpr double kUsualBlocks = 40;
  constexpr double kRowNumbers = 2 << 20;
  const double rows = static_cast<double>(matrix.shape[0]), columns = static_cast<double>(matrix.shape[1]);
  const double side = std::min(rows, columns), vectors = static_cast<double>(count);
  if (rows * columns * side <= kSmallDecomposition) {
    return {.needs_libtorch = false, .work_bytes = doubles(2 * rows * columns + side * side + (rows + columns) * vectors)};
  }
  const double numbers = exact ? 2 * rows * columns + (rows + columns) * side + 4 * side * side
                               : (rows + columns) * vectors * kUsualBlocks + std::min(4 * rows * columns, kRowNumbers);
  return {.needs_libtorch = true, .work_bytes = doubles(numbers)};
}

}  // namespace brainsurgery
