// The value of an expression over numbers, strings and lists: `${i + 16}`, `where: i >= 8 and dtype == 'float32'`.
//
//   evaluate(parse_formula({"len(order) - 1", "output.config"}), scope)   // 31
//
// Integers are exact and refuse to overflow; / gives a float, // and % round down, as in Python. Comparisons give truth
// values. Indices count from the end if negative; slices clip. Functions: abs ceil float floor int len lerp max min pick
// range round sqrt str sum.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formula/formula.h"
#include "formula/value.h"

namespace brainsurgery {

// What an expression may refer to beside its functions. Immutable while expressions are evaluated.
class ValueScope {
 public:
  virtual ~ValueScope() = default;
  // Whether there is a value, or a function of the scope, of that name.
  [[nodiscard]] virtual bool knows(std::string_view name) const = 0;
  // nullopt: the scope does not know the name. Throws Error(plan) without a place.
  [[nodiscard]] virtual std::optional<PlanValue> value(std::string_view name) const = 0;
  // A function of the scope; nullopt: it has none of that name. Throws Error(plan) without a place.
  [[nodiscard]] virtual std::optional<PlanValue> call(std::string_view function,
                                                      const std::vector<PlanValue>& arguments) const;
  // For the notes of messages.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
};

// Throws Error(plan) at the part that is wrong: an unknown name or function, an operand of another kind, a division by
// zero, an integer beyond int64, an index outside of a list, a value beyond kMaxValueSize.
[[nodiscard]] PlanValue evaluate(const Formula& formula, const ValueScope& scope);

// The names, and the functions that evaluate() does not bring along, that a formula refers to.
[[nodiscard]] std::set<std::string, std::less<>> names_in(const Formula& formula);

}  // namespace brainsurgery
