// The functions of formulas that arrange elements, convert them, or multiply matrices.
#pragma once

#include <vector>

#include "lowering/functions.h"

namespace brainsurgery {

[[nodiscard]] std::vector<Function> shape_functions();
// x.T: the last two dimensions exchanged.
[[nodiscard]] Expr transposed(const Expr& base);
// Counts from the end if negative. Throws Error(plan).
[[nodiscard]] int dimension_of(std::int64_t dim, std::int64_t rank, const Shape& shape);

}  // namespace brainsurgery
