#include "lowering/functions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/spelling.h"
#include "base/text.h"
#include "lowering/row_functions.h"
#include "lowering/shape_functions.h"

namespace brainsurgery {
namespace {

using Kind = FunctionParameter::Kind;

struct OperatorName {
  Operator op;
  std::string_view function;
  bool swapped = false, negated = false;  // see OperatorRow
};
constexpr OperatorName kOperatorNames[]{
    {Operator::logical_or, "or"},
    {Operator::logical_and, "and"},
    {Operator::logical_not, "not"},
    {Operator::less, "less"},
    {Operator::less_equal, "less_equal"},
    {Operator::greater, "less", true},
    {Operator::greater_equal, "less_equal", true},
    {Operator::equal, "equal"},
    {Operator::unequal, "equal", false, true},
    {Operator::add, "add"},
    {Operator::subtract, "subtract"},
    {Operator::multiply, "multiply"},
    {Operator::divide, "divide"},
    {Operator::floor_divide, "floor_divide"},
    {Operator::remainder, "remainder"},
    {Operator::matmul, "matmul"},
    {Operator::negate, "negate"},
    {Operator::power, "pow"},
};
static_assert(std::size(kOperatorNames) == static_cast<std::size_t>(Operator::power) + 1);

}  // namespace

std::string signature(const Function& function) {
  std::string text;
  for (const FunctionParameter& parameter : function.parameters) {
    const bool list =
        parameter.kind == Kind::tensors || parameter.kind == Kind::integers || parameter.kind == Kind::numbers;
    const std::string word = list ? fmt::format("[{}]", parameter.name) : std::string(parameter.name);
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", word, parameter.required && !parameter.by_name_only ? "" : "=");
  }
  return fmt::format("{}({})", function.name, text);
}

FormulaFunctions::FormulaFunctions(const OperationTable& operations, const ReducerTable& reducers) {
  const Operation* conversion = &operation("cast");  // its dtype is no number: among the shape functions
  for (const Operation* row : operations.rows()) {
    if (row != conversion) functions_.push_back(function_of(*row, std::string(row->name)));
  }
  for (const Reducer* row : reducers.rows()) functions_.push_back(function_of(*row));
  functions_.push_back(function_of(operation("minimum"), "min"));
  functions_.push_back(function_of(operation("maximum"), "max"));
  std::ranges::move(shape_functions(), std::back_inserter(functions_));
  for (const OperatorName& names : kOperatorNames) {
    const auto function = std::ranges::find(functions_, names.function, &Function::name);
    BS_CHECK(function != functions_.end());
    operators_[static_cast<std::size_t>(names.op)] = {&*function, names.swapped, names.negated};
  }
}

// Of functions of one name the first that takes as many arguments by position is meant.
const Function* FormulaFunctions::find(std::string_view name, std::size_t by_position) const {
  const Function* found = nullptr;
  for (const Function& function : functions_) {
    if (function.name != name) continue;
    const auto tensors = std::ranges::count_if(function.parameters, [](const FunctionParameter& parameter) {
      return parameter.kind == Kind::tensor || parameter.kind == Kind::tensors;
    });
    if (std::cmp_equal(tensors, by_position)) return &function;
    if (found == nullptr) found = &function;
  }
  return found;
}

void FormulaFunctions::fail_unknown(const terms::Call& call, const FormulaText& text) const {
  std::set<std::string> sorted;
  for (const Function& function : functions_) {
    if (is_formula_name(function.name)) sorted.insert(function.name);
  }
  const std::vector<std::string> names(sorted.begin(), sorted.end());
  std::vector<std::string> notes = did_you_mean(call.function, names);
  if (notes.empty()) notes = {fmt::format("functions: {}", fmt::join(names, ", "))};
  text.fail(call.function_range, fmt::format("unknown function '{}'", call.function), std::move(notes));
}

BoundCall FormulaFunctions::bind_call(const terms::Call& call, const FormulaText& text) const {
  const auto by_position =
      std::ranges::count_if(call.arguments, [](const terms::Argument& argument) { return argument.keyword.empty(); });
  const Function* function = find(call.function, static_cast<std::size_t>(by_position));
  if (function == nullptr) fail_unknown(call, text);
  const std::vector<std::string> note{signature(*function)};
  BoundCall bound{function, std::vector<const Term*>(function->parameters.size(), nullptr)};
  std::size_t next = 0;
  for (const terms::Argument& argument : call.arguments) {
    std::size_t index = next;
    if (argument.keyword.empty()) {
      ++next;
      if (index >= bound.arguments.size() || function->parameters[index].by_name_only)
        text.fail(argument.value->range, fmt::format("too many arguments of {}", call.function), note);
    } else {
      const auto found = std::ranges::find(function->parameters, argument.keyword, &FunctionParameter::name);
      index = static_cast<std::size_t>(found - function->parameters.begin());
      if (index == bound.arguments.size())
        text.fail(argument.keyword_range, fmt::format("{} has no argument '{}'", call.function, argument.keyword),
                  note);
    }
    if (bound.arguments[index] != nullptr) {
      text.fail(argument.value->range,
                fmt::format("argument '{}' of {} is given twice", function->parameters[index].name, call.function),
                note);
    }
    bound.arguments[index] = argument.value.get();
  }
  bool optional = false, given = false;
  for (std::size_t i = 0; i < bound.arguments.size(); ++i) {
    const FunctionParameter& parameter = function->parameters[i];
    if (parameter.required && bound.arguments[i] == nullptr) {
      text.fail(call.function_range, fmt::format("{} needs argument '{}'", call.function, parameter.name), note);
    }
    optional = optional || !parameter.required;
    given = given || (!parameter.required && bound.arguments[i] != nullptr);
  }
  if (function->one_of_optional && optional && !given)
    text.fail(call.function_range, fmt::format("{} needs another argument", call.function), note);
  return bound;
}

}  // namespace brainsurgery
