#include "merging/row_blocks.h"

#include <algorithm>

#include "brainsurgery/types.h"

namespace brainsurgery::merging {
namespace {

// With rank 16 the product of a block is about what the program's own loops take (planner/dense_costs.cpp).
constexpr std::int64_t kBlockBytes = std::int64_t{16} << 20;

}  // namespace

Expr rows_of(const Expr& tensor, Span rows) {
  Region region;
  for (const std::int64_t size : tensor.shape()) region.axes.push_back({0, size, 1, false});
  region.axes.front().start = rows.first;
  region.axes.front().count = rows.count;
  return slice(tensor, std::move(region));
}

Expr in_row_blocks(const Shape& shape, DType dtype, const Rows& rows) {
  const std::int64_t bytes = byte_count(dtype, shape), count = shape.front();
  if (bytes <= kBlockBytes) return rows({0, count});
  const std::int64_t step = std::clamp<std::int64_t>(kBlockBytes / (bytes / count), 1, count);
  std::vector<Expr> blocks;
  for (std::int64_t first = 0; first < count; first += step) blocks.push_back(rows({first, std::min(step, count - first)}));
  return concat(std::move(blocks), 0);
}

}  // namespace brainsurgery::merging
