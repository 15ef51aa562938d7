// The names of `where`: the captures of a match, the values of `each`, and what headers say of the tensor: name, dtype,
// rank, shape, elements, bytes, is_floating.
#pragma once

#include <string>

#include "brainsurgery/expr.h"
#include "plan/modifiers.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// What headers say of a tensor by this name; nullopt: nothing has it.
[[nodiscard]] std::optional<PlanValue> tensor_fact(std::string_view fact, const std::string& name, const Expr& tensor);
// Those that are no functions of models: as names, expressions may have them anywhere in a step.
[[nodiscard]] bool is_plain_fact(std::string_view fact);

class MatchScope : public ValueScope {
 public:
  // Everything is kept by reference. `outer` may be nullptr.
  MatchScope(const std::string& name, const Expr& tensor, const NamePattern& pattern, const Captures& captures,
             const Variables& variables, const ValueScope* outer)
      : name_(name), tensor_(tensor), pattern_(pattern), captures_(captures), variables_(variables, outer) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::optional<PlanValue> fact(std::string_view fact) const { return tensor_fact(fact, name_, tensor_); }
  [[nodiscard]] bool knows(std::string_view name) const override { return value(name).has_value(); }
  [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> call(std::string_view function,
                                              const std::vector<PlanValue>& arguments) const override {
    return variables_.call(function, arguments);
  }
  [[nodiscard]] std::vector<std::string> names() const override;

 private:
  const std::string& name_;
  const Expr& tensor_;
  const NamePattern& pattern_;
  const Captures& captures_;
  const VariableScope variables_;
};

}  // namespace brainsurgery
