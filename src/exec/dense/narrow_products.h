// Products of a matrix with few rows of vectors, as block iterations need them. A general matrix product packs the
// matrix first, which takes longer than the product; here it is read once, as it is. Where there are more rows, the
// general product is what is done. Used inside the dense module only.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace brainsurgery::dense {

// Which vector registers are used from now on: of 64 bytes (AVX-512F), 32 (AVX2 and FMA), else 16. Before any product.
void use_vectors_of(std::int32_t bytes);

// All operands: kDouble or all kFloat, sums in that type (fused or not, in an order that depends on the processor).
// matrix [m, n]: packed rows.

// rows [k, n]; gives rows @ matrix^T [k, m].
[[nodiscard]] at::Tensor times_transposed(const at::Tensor& rows, const at::Tensor& matrix);
// rows [k, m]; gives rows @ matrix [k, n].
[[nodiscard]] at::Tensor times(const at::Tensor& rows, const at::Tensor& matrix);

// sum [k, n] += rows @ matrix.
void add_times(const at::Tensor& rows, const at::Tensor& matrix, const at::Tensor& sum);

}  // namespace brainsurgery::dense
