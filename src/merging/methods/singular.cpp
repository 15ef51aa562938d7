#include "merging/methods/singular.h"

#include <algorithm>

#include "merging/sparse_operations.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {

Singular singular(const Expr& matrix, std::int64_t rank) {
  // left and right have the roots of the values in them.
  const LowRank factors = low_rank(cast(matrix, DType::F64), rank, SingularMethod::exact);
  const Expr values = reduce(reducer("sum"), {factors.left * factors.left}, {0}, true);
  const Expr roots = map(operation("sqrt"), {values});
  return {divided(factors.left, roots), values, divided(factors.right, permute(roots, {1, 0}))};
}

Expr orthogonal_factor(const Expr& matrix) {
  const Singular parts = singular(matrix, std::min(matrix.shape()[0], matrix.shape()[1]));
  return matmul(parts.left, parts.right);
}

Expr as_matrix(const Expr& tensor) {
  const std::int64_t rows = tensor.shape().front();
  return reshape(tensor, {rows, element_count(tensor.shape()) / rows});
}

}  // namespace brainsurgery::merging
