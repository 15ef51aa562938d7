// The largest singular values of a matrix and their vectors. Used inside the dense module only.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace brainsurgery::dense {

// matrix [m, n], kDouble or kFloat, m, n >= 1; 1 <= count <= min(m, n). Gives kDouble [m + n, count]: the left vectors
// above the right ones, each column times the square root of its singular value; descending values; the largest entry
// of a column's right part is positive. All in double, but for the products of a kFloat matrix with blocks of vectors
// where their error cannot matter.
//
// exact: from a full decomposition. Else by block Krylov iteration, whose result is taken when a bound on what it
// misses holds (singular_factors.cpp), and from the full decomposition where it never does. Throws std::runtime_error
// on values that are not finite.
[[nodiscard]] at::Tensor singular_factors(const at::Tensor& matrix, std::int64_t count, bool exact);

}  // namespace brainsurgery::dense
