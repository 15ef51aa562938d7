// Reducers of two tensors of one shape and dtype that are held against each other. They are no rows of the table:
// formulas compare element by element.
#pragma once

#include "brainsurgery/reducer.h"

namespace brainsurgery::kernels {

// bool: whether all elements are equal by value: 0.0 equals -0.0, NaN equals nothing. Of all dtypes; what is smaller than
// a byte is compared as bytes.
[[nodiscard]] const Reducer& equality();
// float64: the largest |a - b|, NaN as soon as one element is. Equal infinities are at distance 0. Of dtypes that
// compute.
[[nodiscard]] const Reducer& largest_difference();

}  // namespace brainsurgery::kernels
