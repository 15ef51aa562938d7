#include "lowering/row_functions.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

#include "brainsurgery/error.h"
#include "lowering/shape_functions.h"

namespace brainsurgery {
namespace {

using Kind = FunctionParameter::Kind;

// Whether a row is defined for these dtypes. Its parameters are any numbers that it takes.
std::optional<DType> result_for(const Operation& row, const std::vector<DType>& operands, bool with_table = true) {
  static const auto table = std::make_shared<const LookupTable>(LookupTable{DType::I64, std::vector<std::byte>(8)});
  Parameters parameters;
  if (with_table) parameters.table = table;
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (!row.parameters[i].empty()) parameters.numbers[i] = 1.0;
  }
  try {
    return row.result(row, operands, parameters);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Whether a row is defined only where it has a table of values.
bool takes_table(const Operation& row) {
  const std::vector<DType> integers(row.operands, DType::I64);
  if (result_for(row, integers, false)) return false;
  return result_for(row, integers, true).has_value();
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

// How a row is applied: what it takes, found by asking it.
struct RowTraits {
  unsigned conditions = 0;  // bit i: operand i is one
  bool whole = false;       // of integers only
  bool table = false;
};

std::vector<Expr> row_operands(const RowTraits& traits, std::size_t size, Typing& typing,
                               const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands;
  bool all_conditions = traits.conditions != 0;
  for (std::size_t i = 0; i < size; ++i) {
    operands.push_back(std::get<Expr>(arguments[i]));
    all_conditions = all_conditions && operands.back().dtype() == DType::BOOL;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if ((traits.conditions >> i & 1) != 0) {
      operands[i] = condition(operands[i]);
    } else if (!all_conditions) {
      operands[i] = traits.whole ? typing.integer(operands[i]) : typing.number(operands[i]);
    }
  }
  return operands;
}

std::shared_ptr<const LookupTable> table_of(Typing& typing, const std::vector<terms::Number>& numbers) {
  LookupTable table{typing.computing(), {}};
  for (const terms::Number& number : numbers) {
    const Expr element = typing.number(number);
    const std::vector<std::byte>& bytes = std::get<nodes::Literal>(element.node().kind()).bytes;
    table.elements.insert(table.elements.end(), bytes.begin(), bytes.end());
  }
  return std::make_shared<const LookupTable>(std::move(table));
}

Expr apply_row(const Operation& row, const RowTraits& traits, Typing& typing,
               const std::vector<ArgumentValue>& arguments) {
  Parameters parameters;
  for (std::size_t i = row.operands; i < arguments.size(); ++i) {
    if (const auto* number = std::get_if<double>(&arguments[i])) parameters.numbers[i - row.operands] = *number;
  }
  if (traits.table) parameters.table = table_of(typing, std::get<std::vector<terms::Number>>(arguments.back()));
  return map_or_fold(row, row_operands(traits, row.operands, typing, arguments), parameters);
}

std::vector<FunctionParameter> operand_parameters(std::size_t operands) {
  static constexpr std::array<std::string_view, kMaxOperands> kNames{"a", "b", "c"};
  std::vector<FunctionParameter> parameters;
  for (std::size_t i = 0; i < operands; ++i) parameters.push_back({operands == 1 ? "x" : kNames[i]});
  return parameters;
}

// The dtype that a reducer makes of operands of one dtype, with its own parameters; nullopt: it does not take them.
std::optional<DType> result_for(const Reducer& row, DType operand) {
  ReducerParameters parameters;
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (!row.parameters[i].name.empty()) parameters.numbers[i] = row.parameters[i].otherwise.value_or(1.0);
  }
  try {
    const std::vector<DType> dtypes(row.operands, operand);
    return row.result(row, {dtypes, parameters, operand, 1});
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Conditions stay what they are if the reducer takes them: a sum of them is their exact number.
std::vector<Expr> reducer_operands(const Reducer& row, bool takes_conditions, Typing& typing,
                                   const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands;
  bool conditions = takes_conditions;
  for (std::size_t i = 0; i < row.operands; ++i) {
    operands.push_back(std::get<Expr>(arguments[i]));
    conditions = conditions && operands.back().dtype() == DType::BOOL;
  }
  if (conditions) return operands;
  for (Expr& operand : operands) operand = typing.number(operand);
  return operands;
}

Expr apply_reducer(const Reducer& row, bool takes_conditions, Typing& typing,
                   const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands = reducer_operands(row, takes_conditions, typing, arguments);
  const std::size_t dim = row.operands, keepdim = dim + 1, numbers = keepdim + 1;
  std::vector<int> axes;
  if (const auto* dims = std::get_if<std::vector<std::int64_t>>(&arguments[dim])) {
    const Shape& shape = operands.front().shape();
    for (const std::int64_t axis : *dims) axes.push_back(dimension_of(axis, std::ssize(shape), shape));
    if (axes.empty()) throw Error(ErrorCode::plan, "the list of dimensions is empty");
  }
  ReducerParameters parameters;
  for (std::size_t i = numbers; i < arguments.size(); ++i) {
    if (const auto* number = std::get_if<double>(&arguments[i])) parameters.numbers[i - numbers] = *number;
  }
  const bool* keeps = std::get_if<bool>(&arguments[keepdim]);
  return reduce(row, std::move(operands), std::move(axes), keeps != nullptr && *keeps, parameters);
}

}  // namespace

Function function_of(const Operation& row, std::string name) {
  Function function{.name = std::move(name), .parameters = operand_parameters(row.operands), .apply = {}};
  for (const std::string_view parameter : row.parameters) {
    if (!parameter.empty()) function.parameters.push_back({parameter, Kind::number, false});
  }
  RowTraits traits{conditions_of(row), false, takes_table(row)};
  traits.whole = traits.conditions == 0 && !result_for(row, dtypes_of(row, 0, DType::F32));
  if (traits.table) function.parameters.push_back({"table", Kind::numbers});
  function.integers = keeps_integers(row, traits.conditions);
  function.one_of_optional = true;
  function.apply = [&row, traits](Typing& typing, const std::vector<ArgumentValue>& arguments) {
    return apply_row(row, traits, typing, arguments);
  };
  return function;
}

Function function_of(const Reducer& row) {
  Function function{.name = std::string(row.name), .parameters = operand_parameters(row.operands), .apply = {}};
  function.parameters.push_back({"dim", Kind::dims, false, true});
  function.parameters.push_back({"keepdim", Kind::flag, false, true});
  for (const auto& [name, otherwise] : row.parameters) {
    if (!name.empty()) function.parameters.push_back({name, Kind::number, !otherwise.has_value(), true});
  }
  const std::optional<DType> of_numbers = result_for(row, DType::F32), of_integers = result_for(row, DType::I64),
                             of_conditions = result_for(row, DType::BOOL);
  function.integers = of_integers ? !is_floating(*of_integers) : of_conditions.has_value();
  // Places and counts, whatever they are of.
  if (of_conditions && (of_numbers ? *of_numbers : *of_conditions) == DType::I64) function.dtype = DType::I64;
  function.apply = [&row, takes_conditions = of_conditions.has_value()](Typing& typing,
                                                                        const std::vector<ArgumentValue>& arguments) {
    return apply_reducer(row, takes_conditions, typing, arguments);
  };
  return function;
}

}  // namespace brainsurgery
