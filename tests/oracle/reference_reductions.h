// Reductions by ATen.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::testing {

// Floats are summed in double and rounded once; sums are exact only where the numbers are.
[[nodiscard]] at::Tensor reduced_by_aten(const nodes::Reduce& node, const std::vector<at::Tensor>& operands,
                                         at::ScalarType dtype);

}  // namespace brainsurgery::testing
