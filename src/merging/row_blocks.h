// Large tensors made of products, in blocks of rows: a block is made, written and forgotten before the next.
//
//   in_row_blocks({4096, 4096}, DType::F32, [&](Span rows) { return matmul(rows_of(b, rows), a); })
#pragma once

#include <functional>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// Indices along dimension 0.
struct Span {
  std::int64_t first = 0, count = 0;
};
using Rows = std::function<Expr(Span rows)>;

[[nodiscard]] Expr rows_of(const Expr& tensor, Span rows);
// `dtype`: of what exists as a whole while a block is made.
[[nodiscard]] Expr in_row_blocks(const Shape& shape, DType dtype, const Rows& rows);

}  // namespace brainsurgery::merging
