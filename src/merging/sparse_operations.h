// What merges do with differences from a base, element by element. Operands of one floating dtype; shapes are broadcast.
#pragma once

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// a where its magnitude is at least, or at most, that of the bound; else 0. NaN stays.
[[nodiscard]] Expr at_least(Expr a, Expr bound);
[[nodiscard]] Expr at_most(Expr a, Expr bound);
// a where it has the sign of the total, which is + where the total is 0; else 0. NaN stays.
[[nodiscard]] Expr agreeing(Expr a, Expr total);
// 1 where a is not 0 and has the sign of the total, as above; else 0.
[[nodiscard]] Expr agreement(Expr a, Expr total);
// a / divisor, or a where the divisor is 0.
[[nodiscard]] Expr divided(Expr a, Expr divisor);

}  // namespace brainsurgery::merging
