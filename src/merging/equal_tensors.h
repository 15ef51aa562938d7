// A tensor that must be equal to another one, which only a run can tell.
#pragma once

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// `a`; the run ends with Error(run) where an element of b, of the same dtype and shape, has other bytes.
[[nodiscard]] Expr required_equal(Expr a, Expr b);

}  // namespace brainsurgery::merging
