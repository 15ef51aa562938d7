// Differences as matrices, by their singular directions.
#pragma once

#include "merging/merge_method.h"

namespace brainsurgery::merging {

// Singular vectors as columns and rows with their values: left [m, r] and right [r, n] orthonormal, values [1, r]; float64.
struct Singular {
  Expr left, values, right;
};
// The first r of a matrix of any floating dtype. Where a value is 0 its vectors are 0, too.
[[nodiscard]] Singular singular(const Expr& matrix, std::int64_t rank);
// The nearest matrix with orthonormal columns, or rows: U V^T; float64.
[[nodiscard]] Expr orthogonal_factor(const Expr& matrix);
// A tensor of rank 2 or more as a matrix: its first dimension, and the others.
[[nodiscard]] Expr as_matrix(const Expr& tensor);

}  // namespace brainsurgery::merging
