// Expressions in `${...}`: ${i + 16}, ${e:02d}, ${config.hidden_size // heads}.
//
//   explain(payload, scope)   // the tree with the value of every expression whose names the scope knows
//
// An interpolation is an expression unless it is a reference to a key of the plan, a resolver, or the `${name:REGEX}` of
// a pattern.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "formula/evaluate.h"
#include "plan/interpolation_syntax.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

struct Expression {
  Formula formula;
  std::string format;                       // behind a colon: "02d"; empty: none
  std::set<std::string, std::less<>> names;  // that it refers to, functions too
};

// nullopt: no expression. `within`: the text that the interpolation is a part of, whose place `node` has.
[[nodiscard]] std::optional<Expression> expression_of(const Interpolation& interpolation, const YamlNode& within);

// Whether a text behind a colon says how a number is written: "d", "3d", "03d", "x", ".2f", ".3g".
[[nodiscard]] bool is_number_format(std::string_view text);

// `value` with its format. Throws Error(plan) at the expression for lists, mappings and null, and for values that the
// format does not fit.
[[nodiscard]] std::string text_of(const PlanValue& value, const Expression& expression);

// Both directions; what came from an argument is typed as YAML would type it.
[[nodiscard]] PlanValue value_of(const YamlNode& node);
[[nodiscard]] YamlPtr node_of(const PlanValue& value, const SourceSpan& span);

// `node` with the values of all expressions in unexplained texts whose names the scope knows. What is left unexplained
// keeps its mistake. Throws Error(plan) at an expression that has no value.
[[nodiscard]] YamlPtr explain(const YamlPtr& node, const ValueScope& scope);

// A text as a template has it: its `${` behind a backslash.
[[nodiscard]] std::string escaped_literal(std::string_view text);
// Appends an interpolation to a template: backslashes before it stay what they are.
void append_interpolation(std::string& to, std::string_view interpolation);

// The first interpolation of an open text whose expression has the name: "${i + 16}"; empty: none has.
[[nodiscard]] std::string expression_with(const YamlNode& node, std::string_view name);

// Names of expressions that are left in `node`, but for those of plain `${name}` where `plain` is false.
void collect_names(const YamlNode& node, bool plain, std::set<std::string, std::less<>>& into);

}  // namespace brainsurgery
