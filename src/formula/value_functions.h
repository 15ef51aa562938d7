// Operators and functions of expressions over numbers, strings and lists.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formula/formula.h"
#include "formula/value.h"

namespace brainsurgery {

struct ValueFunction {
  std::string_view name;
  std::string_view signature;  // "round(x, digits=0)"
  std::string_view meaning;
  // Throws Error(plan) without a place.
  PlanValue (*apply)(const std::vector<PlanValue>& arguments);
};

// The message for a value that is beyond kMaxValueSize.
[[nodiscard]] std::string too_large();

// By name.
[[nodiscard]] std::span<const ValueFunction> value_functions();
[[nodiscard]] const ValueFunction* find_value_function(std::string_view name);

// Everything but `and` and `or`. Throws Error(plan) without a place.
[[nodiscard]] PlanValue apply(Operator op, const PlanValue& left, const PlanValue& right);
// Throws Error(plan) without a place for values that are not true or false.
[[nodiscard]] bool truth_of(const PlanValue& value);

}  // namespace brainsurgery
