#include "lowering/row_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "brainsurgery/error.h"
#include "lowering/shape_functions.h"

namespace brainsurgery {
namespace {

using Domain = Operation::Domain;
using Kind = FunctionParameter::Kind;
using Makes = Reducer::Makes;

// Whether the operand of a row is a condition.
bool takes_condition(const Operation& row, std::size_t operand) {
  return row.domain == Domain::conditions || (row.domain == Domain::choice && operand == 0);
}

Expr condition(const Expr& value) {
  if (value.dtype() == DType::BOOL) return value;
  throw Error(ErrorCode::plan, fmt::format("a condition is needed, such as x > 0, not {} {}", to_string(value.dtype()),
                                           to_string(value.shape())));
}

std::vector<Expr> row_operands(const Operation& row, Typing& typing, const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands;
  bool all_conditions = takes_condition(row, 0);
  for (std::size_t i = 0; i < row.operands; ++i) {
    operands.push_back(std::get<Expr>(arguments[i]));
    all_conditions = all_conditions && operands.back().dtype() == DType::BOOL;
  }
  for (std::size_t i = 0; i < row.operands; ++i) {
    if (takes_condition(row, i)) {
      operands[i] = condition(operands[i]);
    } else if (!all_conditions) {
      operands[i] = row.domain == Domain::integers ? typing.integer(operands[i]) : typing.number(operands[i]);
    }
  }
  return operands;
}

void refuse_zero_divisor(const Operation& row, const std::vector<Expr>& operands) {
  if (row.divisor < 0) return;
  const Expr& divisor = operands[static_cast<std::size_t>(row.divisor)];
  const auto* number = std::get_if<nodes::Literal>(&divisor.node().kind());
  const bool is_zero = number != nullptr && is_integer(divisor.dtype()) && element_count(divisor.shape()) == 1 &&
                       std::ranges::all_of(number->bytes, [](std::byte byte) { return byte == std::byte{}; });
  if (is_zero) throw Error(ErrorCode::plan, "an integer is divided by zero");
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

Expr apply_row(const Operation& row, Typing& typing, const std::vector<ArgumentValue>& arguments) {
  Parameters parameters;
  for (std::size_t i = row.operands; i < arguments.size(); ++i) {
    if (const auto* number = std::get_if<double>(&arguments[i])) parameters.numbers[i - row.operands] = *number;
  }
  if (row.takes_table) parameters.table = table_of(typing, std::get<std::vector<terms::Number>>(arguments.back()));
  std::vector<Expr> operands = row_operands(row, typing, arguments);
  refuse_zero_divisor(row, operands);
  return map_or_fold(row, std::move(operands), parameters);
}

std::vector<FunctionParameter> operand_parameters(std::size_t operands, bool exact = false) {
  static constexpr std::array<std::string_view, kMaxOperands> kNames{"a", "b", "c"};
  std::vector<FunctionParameter> parameters;
  for (std::size_t i = 0; i < operands; ++i)
    parameters.push_back({.name = operands == 1 ? "x" : kNames[i], .exact = exact});
  return parameters;
}

// Conditions stay what they are if the reducer takes them: a sum of them is their exact number.
std::vector<Expr> reducer_operands(const Reducer& row, Typing& typing, const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands;
  bool conditions = row.makes != Makes::floats;
  for (std::size_t i = 0; i < row.operands; ++i) {
    operands.push_back(std::get<Expr>(arguments[i]));
    conditions = conditions && operands.back().dtype() == DType::BOOL;
  }
  if (conditions) return operands;
  for (Expr& operand : operands) operand = typing.number(operand);
  return operands;
}

Expr apply_reducer(const Reducer& row, Typing& typing, const std::vector<ArgumentValue>& arguments) {
  std::vector<Expr> operands = reducer_operands(row, typing, arguments);
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
  Function function{.name = std::move(name),
                    .parameters = operand_parameters(row.operands, row.domain == Domain::integers),
                    .apply = {}};
  for (const std::string_view parameter : row.parameters) {
    if (!parameter.empty()) function.parameters.push_back({parameter, Kind::number, false});
  }
  if (row.takes_table) function.parameters.push_back({"table", Kind::numbers});
  function.integers = row.domain != Domain::floats;
  function.one_of_optional = true;
  function.apply = [&row](Typing& typing, const std::vector<ArgumentValue>& arguments) {
    return apply_row(row, typing, arguments);
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
  function.integers = row.makes != Makes::floats;
  if (row.makes == Makes::counts) function.dtype = DType::I64;
  function.apply = [&row](Typing& typing, const std::vector<ArgumentValue>& arguments) {
    return apply_reducer(row, typing, arguments);
  };
  return function;
}

}  // namespace brainsurgery
