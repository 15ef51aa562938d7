#include "lowering/functions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "lowering/shape_functions.h"

namespace brainsurgery {
namespace {

using Kind = FunctionParameter::Kind;

// Whether a row is defined for these dtypes. Its parameters are any numbers that it takes.
std::optional<DType> result_for(const Operation& row, const std::vector<DType>& operands) {
  Parameters parameters;
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (!row.parameters[i].empty()) parameters.numbers[i] = 1.0;
  }
  try {
    return row.result(row, operands, parameters);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<DType> dtypes_of(const Operation& row, unsigned conditions, DType number) {
  std::vector<DType> dtypes;
  for (std::size_t i = 0; i < row.operands; ++i) dtypes.push_back((conditions >> i & 1) != 0 ? DType::BOOL : number);
  return dtypes;
}

// Which operands of a row are conditions, by what the row itself takes; bit i is operand i.
unsigned conditions_of(const Operation& row) {
  if (result_for(row, dtypes_of(row, 0, DType::I64))) return 0;
  for (unsigned conditions = 0; conditions < 1U << row.operands; ++conditions) {
    if (result_for(row, dtypes_of(row, conditions, DType::F32))) return conditions;
  }
  return 0;
}

bool keeps_integers(const Operation& row, unsigned conditions) {
  const std::optional<DType> result = result_for(row, dtypes_of(row, conditions, DType::I64));
  return result && !is_floating(*result);
}

Expr condition(const Expr& value) {
  if (value.dtype() == DType::BOOL) return value;
  throw Error(ErrorCode::plan, fmt::format("a condition is needed, such as x > 0, not {} {}", to_string(value.dtype()),
                                           to_string(value.shape())));
}

Expr apply_row(const Operation& row, unsigned conditions, Typing& typing, const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands;
  bool all_conditions = conditions != 0;
  for (std::size_t i = 0; i < row.operands; ++i) {
    operands.push_back(std::get<Expr>(arguments[i]));
    all_conditions = all_conditions && operands.back().dtype() == DType::BOOL;
  }
  for (std::size_t i = 0; i < row.operands; ++i) {
    if ((conditions >> i & 1) != 0) {
      operands[i] = condition(operands[i]);
    } else if (!all_conditions) {
      operands[i] = typing.number(operands[i]);
    }
  }
  Parameters parameters;
  for (std::size_t i = row.operands; i < arguments.size(); ++i) {
    if (const auto* number = std::get_if<double>(&arguments[i])) parameters.numbers[i - row.operands] = *number;
  }
  return map_or_fold(row, std::move(operands), parameters);
}

Function function_of(const Operation& row, std::string name) {
  static constexpr std::array<std::string_view, kMaxOperands> kOperandNames{"a", "b", "c"};
  Function function{.name = std::move(name), .parameters = {}, .apply = {}};
  for (std::size_t i = 0; i < row.operands; ++i)
    function.parameters.push_back({row.operands == 1 ? "x" : kOperandNames[i]});
  for (const std::string_view parameter : row.parameters) {
    if (!parameter.empty()) function.parameters.push_back({parameter, Kind::number, false});
  }
  const unsigned conditions = conditions_of(row);
  function.integers = keeps_integers(row, conditions);
  function.one_of_optional = true;
  function.apply = [&row, conditions](Typing& typing, const std::vector<ArgumentValue>& arguments) {
    return apply_row(row, conditions, typing, arguments);
  };
  return function;
}

// Of functions of one name the first that takes as many arguments by position is meant.
const std::vector<Function>& functions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> result;
    const Operation* conversion = &operation("cast");  // its dtype is no number: among the shape functions
    for (const Operation& row : operations()) {
      if (&row != conversion) result.push_back(function_of(row, std::string(row.name)));
    }
    result.push_back(function_of(operation("minimum"), "min"));
    result.push_back(function_of(operation("maximum"), "max"));
    std::ranges::move(shape_functions(), std::back_inserter(result));
    return result;
  }();
  return table;
}

const Function* find_function(std::string_view name, std::size_t by_position) {
  const Function* found = nullptr;
  for (const Function& function : functions()) {
    if (function.name != name) continue;
    const auto tensors = std::ranges::count_if(function.parameters, [](const FunctionParameter& parameter) {
      return parameter.kind == Kind::tensor || parameter.kind == Kind::tensors;
    });
    if (std::cmp_equal(tensors, by_position)) return &function;
    if (found == nullptr) found = &function;
  }
  return found;
}

[[noreturn]] void fail_unknown(const terms::Call& call, const FormulaText& text) {
  std::vector<std::string> names;
  for (const Function& function : functions()) {
    if (is_formula_name(function.name)) names.push_back(function.name);
  }
  std::ranges::sort(names);
  const auto [first, last] = std::ranges::unique(names);
  names.erase(first, last);
  std::vector<std::string> notes = did_you_mean(call.function, names);
  if (notes.empty()) notes = {fmt::format("functions: {}", fmt::join(names, ", "))};
  text.fail(call.function_range, fmt::format("unknown function '{}'", call.function), std::move(notes));
}

}  // namespace

std::string signature(const Function& function) {
  std::string text;
  for (const FunctionParameter& parameter : function.parameters) {
    const bool list = parameter.kind == Kind::tensors || parameter.kind == Kind::integers;
    const std::string word = list ? fmt::format("[{}]", parameter.name) : std::string(parameter.name);
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", word, parameter.required ? "" : "=");
  }
  return fmt::format("{}({})", function.name, text);
}

BoundCall bind_call(const terms::Call& call, const FormulaText& text) {
  const auto by_position =
      std::ranges::count_if(call.arguments, [](const terms::Argument& argument) { return argument.keyword.empty(); });
  const Function* function = find_function(call.function, static_cast<std::size_t>(by_position));
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

std::optional<OperatorRow> row_of(Operator op) {
  const auto row = [](std::string_view name) {
    const auto found = std::ranges::find(functions(), name, &Function::name);
    return found == functions().end() ? nullptr : &*found;
  };
  const auto found = [&](std::string_view name, bool swapped = false, bool negated = false) {
    const Function* function = row(name);
    return function == nullptr ? std::nullopt : std::optional(OperatorRow{function, swapped, negated});
  };
  switch (op) {
    case Operator::logical_or:
      return found("or");
    case Operator::logical_and:
      return found("and");
    case Operator::logical_not:
      return found("not");
    case Operator::less:
      return found("less");
    case Operator::less_equal:
      return found("less_equal");
    case Operator::greater:
      return found("less", true);
    case Operator::greater_equal:
      return found("less_equal", true);
    case Operator::equal:
      return found("equal");
    case Operator::unequal:
      return found("equal", false, true);
    case Operator::add:
      return found("add");
    case Operator::subtract:
      return found("subtract");
    case Operator::multiply:
      return found("multiply");
    case Operator::divide:
      return found("divide");
    case Operator::floor_divide:
      return found("floor_divide");
    case Operator::remainder:
      return found("remainder");
    case Operator::matmul:
      return found("matmul");
    case Operator::negate:
      return found("negate");
    case Operator::power:
      return found("pow");
  }
  return std::nullopt;
}

}  // namespace brainsurgery
