#include "lowering/typing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/numbers.h"
#include "brainsurgery/error.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse_operands(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

const nodes::Literal* as_scalar(const Expr& expr) {
  return expr.shape().empty() ? std::get_if<nodes::Literal>(&expr.node().kind()) : nullptr;
}

// The element of a literal scalar as the factor of "scale", where that loses nothing.
std::optional<double> factor_of(const Expr& expr) {
  const nodes::Literal* scalar = as_scalar(expr);
  if (scalar == nullptr) return std::nullopt;
  const DType dtype = expr.dtype();
  if (dtype != DType::F32 && dtype != DType::F64 && dtype != DType::I64) return std::nullopt;
  double value = 0;
  kernels::cast(dtype, scalar->bytes.data(), DType::F64, &value, 1);
  constexpr double kExactIntegers = 0x1p53;
  if (std::isnan(value) || (dtype == DType::I64 && std::abs(value) >= kExactIntegers)) return std::nullopt;
  return value;
}

// The smallest whole number that others of a floating dtype may be rounded to: 2 to the number of the bits that its
// largest finite number has.
double first_rounded(DType dtype) {
  int exponent = 0;
  return 1 / (1 - std::frexp(info(dtype).max_finite, &exponent));
}

}  // namespace

DType computing_dtype(std::span<const DType> operands, const FormulaFacts& facts) {
  const auto any = [operands](auto holds) { return std::ranges::any_of(operands, holds); };
  if (!any([](DType dtype) { return is_floating(dtype); }) && facts.integers) return DType::I64;
  return facts.float64 || any([](DType dtype) { return dtype == DType::F64; }) ? DType::F64 : DType::F32;
}

Expr Typing::number(const Expr& value) {
  if (value.dtype() == computing_) return value;
  if (value.dtype() == DType::U64 && computing_ == DType::I64) {
    refuse_operands(
        "integers are computed in int64, which does not hold all of uint64; say in which dtype to compute with 'in'");
  }
  return converted(value, computing_);
}

Expr Typing::converted(const Expr& value, DType dtype) {
  auto& [original, made] = converted_[{value.get(), dtype}];
  if (!made) {
    original = value;
    made = cast(value, dtype);
  }
  return made;
}

Expr Typing::integer(const Expr& value) {
  if (is_integer(computing_)) return number(value);
  if (value.dtype() == DType::I64) return value;
  if (value.dtype() == DType::U64) refuse_operands("int64 does not hold all of uint64");
  if (is_integer(value.dtype()) || value.dtype() == DType::BOOL) return converted(value, DType::I64);
  if (const nodes::Literal* scalar = as_scalar(value)) {
    double written = 0;
    kernels::cast(value.dtype(), scalar->bytes.data(), DType::F64, &written, 1);
    const bool exact = written == std::trunc(written) && std::abs(written) < first_rounded(value.dtype());
    if (exact) return converted(value, DType::I64);
  }
  refuse_operands(fmt::format("integers are needed, not {} {}; convert them first", to_string(value.dtype()),
                     to_string(value.shape())));
}

Expr Typing::number(const terms::Number& number) {
  const DTypeInfo& row = info(computing_);
  std::vector<std::byte> bytes(static_cast<std::size_t>(item_size(computing_)));
  if (row.kind == DTypeClass::floating) {
    if (std::isfinite(number.value) && std::abs(number.value) > row.max_finite)
      refuse_operands(fmt::format("{} does not fit dtype {}", python_float(number.value), to_string(computing_)));
    kernels::cast(DType::F64, &number.value, computing_, bytes.data(), 1);
  } else {
    if (!number.integer) {
      refuse_operands(fmt::format("{} is no {} number, in which the formula is computed; say another dtype with 'in'",
                         python_float(number.value), to_string(computing_)));
    }
    kernels::cast(DType::I64, &*number.integer, computing_, bytes.data(), 1);
    std::int64_t back = 0;
    kernels::cast(computing_, bytes.data(), DType::I64, &back, 1);
    if (back != *number.integer)
      refuse_operands(fmt::format("{} does not fit dtype {}", *number.integer, to_string(computing_)));
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), bytes.size());
  Expr& known = numbers_[bits];
  if (!known) known = literal({computing_, {}}, std::move(bytes));
  return known;
}

Expr Typing::integer(std::int64_t number) {
  if (is_integer(computing_)) return this->number(terms::Number{static_cast<double>(number), number});
  std::vector<std::byte> bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  return literal({DType::I64, {}}, std::move(bytes));
}

Expr boolean_literal(bool value) { return literal({DType::BOOL, {}}, {std::byte{value}}); }

Expr map_or_fold(const Operation& operation, std::vector<Expr> operands, const Parameters& parameters) {
  std::vector<const void*> inputs;
  std::vector<DType> dtypes;
  for (const Expr& operand : operands) {
    const nodes::Literal* scalar = as_scalar(operand);
    if (scalar == nullptr) return map(operation, std::move(operands), parameters);
    inputs.push_back(scalar->bytes.data());
    dtypes.push_back(operand.dtype());
  }
  const DType dtype = operation.result(operation, dtypes, parameters);
  std::vector<std::byte> bytes(static_cast<std::size_t>(item_size(dtype)));
  operation.run({inputs, dtypes, parameters, dtype, bytes.data(), 1});
  return literal({dtype, {}}, std::move(bytes));
}

Expr product(const Expr& a, const Expr& b) {
  static const Operation& scaling = operation("scale");
  static const Operation& multiplication = operation("multiply");
  const std::optional<double> left = factor_of(a), right = factor_of(b);
  if (left.has_value() == right.has_value()) return map_or_fold(multiplication, {a, b});
  return map(scaling, {left ? b : a}, {.numbers = {left ? *left : *right}});
}

Expr power(const Expr& base, std::int64_t exponent) {
  BS_CHECK(exponent >= 1);
  Expr result = base;
  // By squaring, from the exponent's highest bit down.
  int bit = 62;
  while ((exponent >> bit) == 0) --bit;
  while (--bit >= 0) {
    result = product(result, result);
    if ((exponent >> bit & 1) != 0) result = product(result, base);
  }
  return result;
}

}  // namespace brainsurgery
