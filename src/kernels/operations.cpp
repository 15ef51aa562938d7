// The table of elementwise operations.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"
#include "kernels/elementwise.h"

namespace brainsurgery {
namespace {

using DTypes = std::span<const DType>;

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

std::int64_t table_size(const Parameters& parameters) {
  return static_cast<std::int64_t>(parameters.table->elements.size()) / item_size(parameters.table->dtype);
}

void require_computing(std::string_view name, DType dtype) {
  if (!info(dtype).computes) {
    refuse(fmt::format("{} is not defined for dtype {}: such tensors can be renamed, copied and joined only", name,
                       to_string(dtype)));
  }
}

// The dtype that all operands have.
DType common(const Operation& operation, DTypes operands) {
  for (const DType dtype : operands) {
    if (dtype != operands.front())
      refuse(fmt::format("dtypes differ: {} and {}", to_string(operands.front()), to_string(dtype)));
  }
  require_computing(operation.name, operands.front());
  return operands.front();
}

DType any_number(const Operation& operation, DTypes operands, const Parameters&) { return common(operation, operands); }

DType number_but_bool(const Operation& operation, DTypes operands, const Parameters&) {
  const DType dtype = common(operation, operands);
  if (dtype == DType::BOOL) refuse(fmt::format("{} is not defined for bool tensors; cast first", operation.name));
  return dtype;
}

DType difference(const Operation& operation, DTypes operands, const Parameters&) {
  const DType dtype = common(operation, operands);
  if (dtype == DType::BOOL) refuse("subtraction is not defined for bool tensors");
  return dtype;
}

DType floating(const Operation& operation, DTypes operands, const Parameters&) {
  const DType dtype = common(operation, operands);
  if (!is_floating(dtype)) {
    refuse(fmt::format("{} is not defined for dtype {}; cast to a floating dtype first", operation.name,
                       to_string(dtype)));
  }
  return dtype;
}

DType whole_number(const Operation& operation, DTypes operands, const Parameters&) {
  const DType dtype = common(operation, operands);
  if (!is_integer(dtype)) {
    refuse(fmt::format("{} is defined for integer dtypes, not for {}", operation.name, to_string(dtype)));
  }
  return dtype;
}

DType truth(const Operation& operation, DTypes operands, const Parameters&) {
  const DType dtype = common(operation, operands);
  if (dtype != DType::BOOL)
    refuse(fmt::format("{} is defined for bool tensors, not for {}", operation.name, to_string(dtype)));
  return dtype;
}

DType comparison(const Operation& operation, DTypes operands, const Parameters&) {
  static_cast<void>(common(operation, operands));
  return DType::BOOL;
}

DType selection(const Operation& operation, DTypes operands, const Parameters&) {
  if (operands[0] != DType::BOOL)
    refuse(fmt::format("{} needs a bool tensor as its first operand, not {}", operation.name, to_string(operands[0])));
  return common(operation, operands.subspan(1));
}

DType conversion(const Operation& operation, DTypes operands, const Parameters& parameters) {
  require_computing(operation.name, operands[0]);
  require_computing(operation.name, *parameters.dtype);
  return *parameters.dtype;
}

DType scaled(const Operation& operation, DTypes operands, const Parameters& parameters) {
  const DType dtype = common(operation, operands);
  const double factor = *parameters.numbers[0];
  if (dtype == DType::BOOL) refuse("a bool tensor cannot be scaled; cast it first");
  if (is_integer(dtype) && (factor != std::trunc(factor) || std::abs(factor) >= 0x1p63)) {
    refuse(
        fmt::format("an {} tensor can be scaled by an integral factor only, not {}; cast it to a floating dtype first",
                    to_string(dtype), factor));
  }
  return dtype;
}

DType limited(const Operation& operation, DTypes operands, const Parameters& parameters) {
  const DType dtype = common(operation, operands);
  const auto [low, high, unused] = parameters.numbers;
  BS_CHECK((low || high) && !std::isnan(low.value_or(0)) && !std::isnan(high.value_or(0)));
  if (low && high && *low > *high) refuse(fmt::format("min {} exceeds max {}", *low, *high));
  if (dtype == DType::BOOL) refuse("a bool tensor cannot be clamped; cast it first");
  if (is_integer(dtype) && low && high && std::ceil(*low) > std::floor(*high)) {
    refuse(fmt::format("no {} value lies between min {} and max {}", to_string(dtype), *low, *high));
  }
  return dtype;
}

DType looked_up(const Operation& operation, DTypes operands, const Parameters& parameters) {
  constexpr std::int64_t kMostValues = 65536;
  static_cast<void>(whole_number(operation, operands, parameters));
  BS_CHECK(parameters.table != nullptr);
  const DType dtype = parameters.table->dtype;
  require_computing(operation.name, dtype);
  const std::int64_t size = table_size(parameters);
  if (size < 1 || size > kMostValues)
    refuse(fmt::format("a table has 1 to {} values, not {}", kMostValues, size));
  return dtype;
}

namespace loops = kernels::elementwise;
using Domain = Operation::Domain;

constexpr auto kOperations = std::to_array<Operation>({
    {"add", "a + b; integers wrap, of bool it is 'or'", 2, {}, any_number, loops::add},
    {"subtract", "a - b; integers wrap", 2, {}, difference, loops::subtract},
    {"multiply", "a * b; integers wrap, of bool it is 'and'", 2, {}, any_number, loops::multiply},
    {"divide", "a / b, as IEEE 754 defines it", 2, {}, floating, loops::divide, Domain::floats, false, false, 1},
    {"floor_divide", "a / b rounded towards minus infinity", 2, {}, number_but_bool, loops::floor_divide,
     Domain::numbers, false, false, 1},
    {"remainder", "a - floor_divide(a, b) * b: the sign is that of b", 2, {}, number_but_bool, loops::remainder,
     Domain::numbers, false, false, 1},
    {"pow", "a to the power b; integers wrap, and take no negative b", 2, {}, number_but_bool, loops::pow},
    {"minimum", "the smaller of a and b, NaN if one is NaN; -0.0 is below 0.0", 2, {}, any_number, loops::minimum, Domain::numbers, false, true},
    {"maximum", "the larger of a and b, NaN if one is NaN; 0.0 is above -0.0", 2, {}, any_number, loops::maximum, Domain::numbers, false, true},
    {"negate", "-a; integers wrap", 1, {}, number_but_bool, loops::negate, Domain::numbers, false, true},
    {"abs", "a without its sign; integers wrap", 1, {}, number_but_bool, loops::abs, Domain::numbers, false, true},
    {"sign", "-1, 0 or 1; 0 for NaN", 1, {}, number_but_bool, loops::sign, Domain::numbers, false, true},
    {"sqrt", "the square root, correctly rounded", 1, {}, floating, loops::sqrt, Domain::floats},
    {"rsqrt", "1 / sqrt(a), each rounded", 1, {}, floating, loops::rsqrt, Domain::floats, false, false, 0},
    {"reciprocal", "1 / a", 1, {}, floating, loops::reciprocal, Domain::floats, false, false, 0},
    {"exp", "e to the power a", 1, {}, floating, loops::exp, Domain::floats},
    {"exp2", "2 to the power a", 1, {}, floating, loops::exp2, Domain::floats},
    {"expm1", "exp(a) - 1, of small a too", 1, {}, floating, loops::expm1, Domain::floats},
    {"log", "the natural logarithm; NaN below 0", 1, {}, floating, loops::log, Domain::floats},
    {"log2", "the logarithm to the base 2; NaN below 0", 1, {}, floating, loops::log2, Domain::floats},
    {"log1p", "log(1 + a), of small a too", 1, {}, floating, loops::log1p, Domain::floats},
    {"tanh", "the hyperbolic tangent", 1, {}, floating, loops::tanh, Domain::floats},
    {"sigmoid", "1 / (1 + exp(-a))", 1, {}, floating, loops::sigmoid, Domain::floats},
    {"erf", "the error function: 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to a", 1, {}, floating, loops::erf,
     Domain::floats},
    {"round", "the nearest integral value, the even one if two are", 1, {}, number_but_bool, loops::round},
    {"floor", "the largest integral value that is not above a", 1, {}, number_but_bool, loops::floor},
    {"ceil", "the smallest integral value that is not below a", 1, {}, number_but_bool, loops::ceil},
    {"scale", "a times a number", 1, {"by"}, scaled, loops::scale},
    {"clamp", "a, but not below min and not above max", 1, {"min", "max"}, limited, loops::clamp},
    {"cast", "a in another dtype", 1, {}, conversion, loops::cast},
    {"where", "b where a is true, else c", 3, {}, selection, loops::where, Domain::choice},
    {"equal", "whether a = b; never true for NaN", 2, {}, comparison, loops::equal, Domain::numbers, false, true},
    {"less", "whether a < b; never true for NaN", 2, {}, comparison, loops::less, Domain::numbers, false, true},
    {"less_equal", "whether a <= b; never true for NaN", 2, {}, comparison, loops::less_equal, Domain::numbers, false, true},
    {"is_nan", "whether a is NaN", 1, {}, comparison, loops::is_nan, Domain::numbers, false, true},
    {"is_finite", "whether a is neither infinite nor NaN", 1, {}, comparison, loops::is_finite, Domain::numbers, false, true},
    {"and", "whether a and b are true", 2, {}, truth, loops::multiply, Domain::conditions},
    {"or", "whether a or b is true", 2, {}, truth, loops::add, Domain::conditions},
    {"not", "whether a is false", 1, {}, truth, loops::logical_not, Domain::conditions},
    {"bit_and", "the bits that a and b share", 2, {}, whole_number, loops::bit_and, Domain::integers},
    {"bit_or", "the bits that a or b has", 2, {}, whole_number, loops::bit_or, Domain::integers},
    {"bit_xor", "the bits that either a or b has", 2, {}, whole_number, loops::bit_xor, Domain::integers},
    {"bit_not", "the bits that a does not have", 1, {}, whole_number, loops::bit_not, Domain::integers},
    {"shift_left", "a's bits moved up by b; 0 unless 0 <= b < width", 2, {}, whole_number, loops::shift_left,
     Domain::integers},
    {"shift_right", "a's bits moved down by b, those of its sign moved in", 2, {}, whole_number, loops::shift_right,
     Domain::integers},
    {"lookup", "the value of a table at index a", 1, {}, looked_up, loops::lookup, Domain::integers, true},
});

}  // namespace

std::span<const Operation> operations() { return kOperations; }

const Operation* find_operation(std::string_view name) {
  const auto found = std::ranges::find(kOperations, name, &Operation::name);
  return found == kOperations.end() ? nullptr : &*found;
}

const Operation& operation(std::string_view name) {
  const Operation* found = find_operation(name);
  BS_CHECK(found != nullptr);
  return *found;
}

std::string describe(const Operation& operation, const Parameters& parameters) {
  std::string text(operation.name);
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (parameters.numbers[i]) text += fmt::format(" {} {}", operation.parameters[i], *parameters.numbers[i]);
  }
  if (parameters.table) text += fmt::format(" in {} values", table_size(parameters));
  return text;
}

}  // namespace brainsurgery
