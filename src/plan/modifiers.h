// Keys that every step may have beside its own: `when` says whether it is done, `each` repeats it, `over` says which name counts the tensors that are
// joined or cut, `where`, `except` and `optional` choose among the matches of an edit's pattern.
//
//   copy: {from: ..., to: ..., each: {e: 0..7}, where: i >= 8 and dtype == 'float32', optional: true}
//
// Pure; may be called from several threads.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/schema.h"
#include "formula/evaluate.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// The modifiers of a payload as written; nullptr: it has none of that name.
struct WrittenModifiers {
  YamlPtr when, each, over, where, except, optional;
};

// A payload without its modifiers. A key that the schema has itself is no modifier; a payload that is no mapping has none.
struct SplitPayload {
  YamlPtr payload;
  WrittenModifiers modifiers;
};
[[nodiscard]] SplitPayload split_modifiers(const YamlPtr& payload, const Schema& schema);

// Whether the roles of the step's fields leave something for the modifier to do: `over` is for members, `where`, `except`
// and `optional` are for patterns of steps that change tensors, `when` and `each` are for all.
[[nodiscard]] bool takes_modifier(const Schema& step, std::string_view modifier);

// The schema of the keys above, for documentation.
[[nodiscard]] const Schema& modifiers_schema();

// Values of the names of `each`, in order.
using Variables = std::vector<std::pair<std::string, PlanValue>>;

// Names of the plan with their values, some of them open: Plan::parameters.
using PlanParameters = std::vector<std::pair<std::string, YamlPtr>>;

// Those that are not open.
class ParameterScope : public ValueScope {
 public:
  explicit ParameterScope(const PlanParameters& parameters) : parameters_(parameters) {}
  [[nodiscard]] bool knows(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

 private:
  const PlanParameters& parameters_;
};

// The names of `variables`, then those of `outer`, which may be nullptr.
class VariableScope : public ValueScope {
 public:
  VariableScope(const Variables& variables, const ValueScope* outer) : variables_(variables), outer_(outer) {}
  [[nodiscard]] bool knows(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> call(std::string_view function,
                                              const std::vector<PlanValue>& arguments) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

 private:
  const Variables& variables_;
  const ValueScope* outer_;
};

// Every combination of the values of `each`, the first name slowest; one that is empty without an `each`. A value is a
// list, a range a..b, or ${...} that gives a list. `unknown` takes the first value with a name that
// `outer` does not know, and the result is then empty. Throws Error(plan).
[[nodiscard]] std::vector<Variables> combinations(const YamlPtr& each, std::string_view path, const ValueScope* outer,
                                                  YamlPtr& unknown);
inline constexpr std::size_t kMaxCombinations = 100'000;

// The values of a list, or of a range a..b as a text. Throws Error(plan).
[[nodiscard]] PlanValue::List values_of(const YamlNode& node, std::string_view path);

}  // namespace brainsurgery
