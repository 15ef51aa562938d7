// Products and decompositions of small matrices: those for which loading libtorch takes longer than the work itself.
// All sums are in double and in an order that depends on the shapes alone, so that the results are the same on every
// machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "brainsurgery/types.h"

namespace brainsurgery::kernels {

// Packed elements.
struct ConstTensor {
  const std::byte* data;
  const TensorDesc& desc;
};

// out = a @ b by torch.matmul's rules, where `out_desc` is the result's: floating dtypes are summed in double and
// rounded once, integers wrap. a and b: one dtype of F64, F32, F16, BF16, I64, I32, I16, I8, U8; ranks >= 1.
void small_product(const ConstTensor& a, const ConstTensor& b, std::byte* out, const TensorDesc& out_desc);

// The factors of nodes::SingularFactors. matrix [m, n]: F64 or F32, m, n >= 1; out: F64 [m + n, count],
// 1 <= count <= min(m, n). One-sided Jacobi rotations (Hestenes, "Inversion of matrices by biorthogonalization and
// related results", J. SIAM 6, 1958). Throws Error(run) if an element is not finite.
void small_singular_factors(const ConstTensor& matrix, std::byte* out, std::int64_t count);

}  // namespace brainsurgery::kernels
