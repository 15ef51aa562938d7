// The loops behind the rows of operations.cpp, which says what each computes. Semantics as in kernels.h.
#pragma once

#include "brainsurgery/operation.h"

namespace brainsurgery::kernels::elementwise {

using Call = Operation::Call;

void add(const Call& call);
void subtract(const Call& call);
void multiply(const Call& call);
void divide(const Call& call);
// Of integers: throw Error(run) where b is 0.
void floor_divide(const Call& call);
void remainder(const Call& call);
void minimum(const Call& call);
void maximum(const Call& call);

void negate(const Call& call);
void abs(const Call& call);
void sign(const Call& call);
void sqrt(const Call& call);
void rsqrt(const Call& call);
void reciprocal(const Call& call);
void exp(const Call& call);
void exp2(const Call& call);
void expm1(const Call& call);
void log(const Call& call);
void log2(const Call& call);
void log1p(const Call& call);
void tanh(const Call& call);
void sigmoid(const Call& call);
void erf(const Call& call);
// Of integers: throws Error(run) where b is negative.
void pow(const Call& call);
void round(const Call& call);
void floor(const Call& call);
void ceil(const Call& call);

void scale(const Call& call);
void clamp(const Call& call);
void cast(const Call& call);
void where(const Call& call);

void equal(const Call& call);
void less(const Call& call);
void less_equal(const Call& call);
void is_nan(const Call& call);
void is_finite(const Call& call);
void logical_not(const Call& call);

void bit_and(const Call& call);
void bit_or(const Call& call);
void bit_xor(const Call& call);
void bit_not(const Call& call);
void shift_left(const Call& call);
void shift_right(const Call& call);
// Throws Error(run) where an index is beyond the table.
void lookup(const Call& call);

}  // namespace brainsurgery::kernels::elementwise
