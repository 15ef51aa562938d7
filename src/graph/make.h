// For those who construct expressions.
#pragma once

#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery {

// A node that was checked, but for its rank and its size. Throws Error where it has too many dimensions, or more
// elements than can be counted.
[[nodiscard]] Expr make(TensorDesc desc, NodeKind kind);
// The one shape that all operands are brought to.
[[nodiscard]] Shape common_shape(const std::vector<Expr>& operands);

}  // namespace brainsurgery
