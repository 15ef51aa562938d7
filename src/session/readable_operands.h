// Whether an edit may do with its operands what it does: elements that cannot be read may only be passed on.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/step.h"

namespace brainsurgery {

// Throws Error(plan) for an operand whose elements cannot be read.
void require_readable(const std::string& step, const Row& row);

// Throws Error(plan) where `results`, made of the row, need elements that cannot be read or decoded.
void require_usable(const std::string& step, const Row& row, const std::vector<Expr>& results);

}  // namespace brainsurgery
