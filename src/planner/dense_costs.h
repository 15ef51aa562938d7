// What it takes to multiply or decompose whole matrices, as a function of their shapes and dtypes alone.
#pragma once

#include <cstdint>

#include "brainsurgery/types.h"

namespace brainsurgery {

struct DenseCost {
  // Worth loading libtorch, which takes up to a second of processor time. Smaller operations are done by the program's
  // own loops (kernels/small_dense.h).
  bool needs_libtorch = false;
  std::int64_t work_bytes = 0;  // about what the operation takes beside its operands and its result
};

// a @ b, by torch.matmul's rules.
[[nodiscard]] DenseCost product_cost(const TensorDesc& a, const TensorDesc& b, const Shape& result);
// `count` singular values of a matrix (F64 or F32) and their vectors.
[[nodiscard]] DenseCost factors_cost(const TensorDesc& matrix, std::int64_t count, bool exact);

}  // namespace brainsurgery
