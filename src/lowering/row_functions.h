// The functions of formulas that are rows of the tables of operations and reducers.
#pragma once

#include <string>

#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"
#include "lowering/functions.h"

namespace brainsurgery {

[[nodiscard]] Function function_of(const Operation& row, std::string name);
// Operands, then dim=, keepdim=, and the reducer's parameters, by name.
[[nodiscard]] Function function_of(const Reducer& row);

}  // namespace brainsurgery
