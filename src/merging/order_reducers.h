// Places of elements in their order, where the table of reducers has none for it.
#pragma once

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// float32 [rows, n] of magnitudes [rows, n], float32 or float64: how many of a row stand before an element from the
// smallest on; of equal ones the first does.
[[nodiscard]] Expr row_ranks(const Expr& magnitudes);
// The element that the share of those that are not 0 reaches, from the largest on, of float32 or float64 elements from 0
// on; infinite where that is none.
[[nodiscard]] Expr bound_of_nonzero(const Expr& elements, double share);

}  // namespace brainsurgery::merging
