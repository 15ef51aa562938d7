#include "formula/value_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/checked_math.h"
#include "base/numbers.h"
#include "formula/evaluate.h"

namespace brainsurgery {
namespace {

[[noreturn]] void fail(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

bool is_numeric(const PlanValue& value) {
  return value.integer() != nullptr || std::holds_alternative<double>(value.is);
}

double numeric(const PlanValue& value) {
  if (value.integer() != nullptr) return static_cast<double>(*value.integer());
  if (const auto* number = std::get_if<double>(&value.is)) return *number;
  fail(fmt::format("a number is needed, not {}", describe(value)));
}

std::int64_t integer_of(const PlanValue& value) {
  if (value.integer() != nullptr) return *value.integer();
  fail(fmt::format("an integer is needed, not {}", describe(value)));
}

const PlanValue::List& list_of(const PlanValue& value) {
  if (value.list() != nullptr) return *value.list();
  fail(fmt::format("a list is needed, not {}", describe(value)));
}

std::int64_t exact(std::optional<std::int64_t> result) {
  if (!result) fail("the integer is beyond int64");
  return *result;
}

std::optional<std::int64_t> try_subtract(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_sub_overflow(a, b, &result)) return std::nullopt;
  return result;
}

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("division by zero");
  if (b == -1) return exact(try_subtract(0, a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1) result = exact(try_multiply(result, base));
    exponent /= 2;
    if (exponent > 0) base = exact(try_multiply(base, base));
  }
  return result;
}

PlanValue of_integers(Operator op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Operator::add:
      return {exact(try_add(a, b))};
    case Operator::subtract:
      return {exact(try_subtract(a, b))};
    case Operator::multiply:
      return {exact(try_multiply(a, b))};
    case Operator::floor_divide:
      return {floor_quotient(a, b)};
    case Operator::remainder:
      return {b == -1 ? 0 : exact(try_subtract(a, exact(try_multiply(floor_quotient(a, b), b))))};
    case Operator::power:
      if (b >= 0) return {integer_power(a, b)};
      return {std::pow(static_cast<double>(a), static_cast<double>(b))};
    default:
      if (b == 0) fail("division by zero");
      return {static_cast<double>(a) / static_cast<double>(b)};
  }
}

// Exact, with the sign of b: 1 % 0.1 is 0.09999999999999995, since 0.1 is a little more than a tenth.
double floor_remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

PlanValue of_numbers(Operator op, double a, double b) {
  if (b == 0 && (op == Operator::divide || op == Operator::floor_divide || op == Operator::remainder))
    fail("division by zero");
  switch (op) {
    case Operator::add:
      return {a + b};
    case Operator::subtract:
      return {a - b};
    case Operator::multiply:
      return {a * b};
    case Operator::floor_divide:
      return {std::round((a - floor_remainder(a, b)) / b)};
    case Operator::remainder:
      return {floor_remainder(a, b)};
    case Operator::power:
      return {std::pow(a, b)};
    default:
      return {a / b};
  }
}

void check_size(std::size_t size) {
  if (size > kMaxValueSize) fail(too_large());
}

PlanValue joined(const PlanValue& a, const PlanValue& b) {
  check_size(size_of(a) + size_of(b));
  if (a.text() != nullptr) return {*a.text() + *b.text()};
  PlanValue::List both = *a.list();
  both.insert(both.end(), b.list()->begin(), b.list()->end());
  return {std::move(both)};
}

PlanValue repeated(const PlanValue& list, std::int64_t times) {
  const PlanValue::List& items = *list.list();
  PlanValue::List result;
  if (items.empty() || times <= 0) return {std::move(result)};
  if (times > static_cast<std::int64_t>(kMaxValueSize / size_of(list))) fail(too_large());
  for (std::int64_t i = 0; i < times; ++i) result.insert(result.end(), items.begin(), items.end());
  return {std::move(result)};
}

// Strings by their bytes, numbers by their values.
template <typename Compare>
bool compared(const PlanValue& left, const PlanValue& right, const Compare& compare) {
  if (left.text() != nullptr && right.text() != nullptr) return compare(*left.text(), *right.text());
  if (!is_numeric(left) || !is_numeric(right))
    fail(fmt::format("cannot compare {} and {}", describe(left), describe(right)));
  if (left.integer() != nullptr && right.integer() != nullptr) return compare(*left.integer(), *right.integer());
  return compare(numeric(left), numeric(right));
}

bool contains(const PlanValue& where, const PlanValue& what) {
  if (where.list() != nullptr) return std::ranges::find(*where.list(), what) != where.list()->end();
  if (where.record() != nullptr) return where.find(to_text(what)) != nullptr;
  if (where.text() != nullptr && what.text() != nullptr) return where.text()->find(*what.text()) != std::string::npos;
  fail(fmt::format("{} cannot contain {}", describe(where), describe(what)));
}

void need(const std::vector<PlanValue>& arguments, std::size_t least, std::size_t most, std::string_view signature) {
  if (arguments.size() < least || arguments.size() > most) fail(fmt::format("the arguments are {}", signature));
}

// The numbers of an argument list: one list, or the arguments themselves.
PlanValue::List numbers_of(const std::vector<PlanValue>& arguments) {
  PlanValue::List numbers = arguments.size() == 1 && arguments[0].list() != nullptr ? *arguments[0].list() : arguments;
  for (const PlanValue& number : numbers) static_cast<void>(numeric(number));
  return numbers;
}

template <typename Better>
PlanValue best(const std::vector<PlanValue>& arguments, const Better& better) {
  const PlanValue::List numbers = numbers_of(arguments);
  if (numbers.empty()) fail("there is no smallest or largest of no numbers");
  PlanValue result = numbers.front();
  for (const PlanValue& number : numbers) {
    if (better(numeric(number), numeric(result))) result = number;
  }
  return result;
}

PlanValue integral(double value) {
  constexpr double kLimit = 9.2e18;
  if (!(std::abs(value) < kLimit)) fail(fmt::format("{} is no integer of 64 bits", value));
  return {static_cast<std::int64_t>(value)};
}

PlanValue rounded(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 2, "round(x, digits)");
  if (arguments.size() == 1)
    return arguments[0].integer() != nullptr ? arguments[0] : integral(std::nearbyint(numeric(arguments[0])));
  constexpr std::int64_t kMostPlaces = 323;  // a double has no more zeros behind its point
  const std::int64_t digits = integer_of(arguments[1]);
  if (digits >= 0 && arguments[0].integer() != nullptr) return arguments[0];
  const double number = numeric(arguments[0]);
  if (!std::isfinite(number) || digits > kMostPlaces) return {number};
  if (digits >= 0) return {*parse_python_float(fmt::format("{:.{}f}", number, digits))};
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return {std::isinf(unit) ? 0.0 : std::nearbyint(number / unit) * unit};
}

// The value at `t` of the piecewise linear curve through points at equal distances from 0 to 1.
PlanValue lerp(const std::vector<PlanValue>& arguments) {
  need(arguments, 2, 2, "lerp(points, t)");
  const PlanValue::List& points = list_of(arguments[0]);
  if (points.empty()) fail("lerp needs at least one point");
  const double t = std::clamp(numeric(arguments[1]), 0.0, 1.0) * static_cast<double>(points.size() - 1);
  const auto left = std::min(static_cast<std::size_t>(t), points.size() - 1);
  const std::size_t right = std::min(left + 1, points.size() - 1);
  const double rest = t - static_cast<double>(left);
  return {numeric(points[left]) * (1 - rest) + numeric(points[right]) * rest};
}

PlanValue picked(const std::vector<PlanValue>& arguments) {
  need(arguments, 2, 2, "pick(list, indices)");
  const PlanValue::List& list = list_of(arguments[0]);
  PlanValue::List result;
  std::size_t size = 0;
  for (const PlanValue& index : list_of(arguments[1])) {
    const std::int64_t at = integer_of(index);
    if (at < 0 || at >= std::ssize(list)) fail(fmt::format("the list has {} items, none at {}", list.size(), at));
    size += size_of(result.emplace_back(list[static_cast<std::size_t>(at)]));
    check_size(size);
  }
  return {std::move(result)};
}

PlanValue total(const std::vector<PlanValue>& arguments) {
  PlanValue result{std::int64_t{0}};
  for (const PlanValue& number : numbers_of(arguments)) result = apply(Operator::add, result, number);
  return result;
}

PlanValue range(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 3, "range(stop), range(start, stop), range(start, stop, step)");
  const std::int64_t start = arguments.size() == 1 ? 0 : integer_of(arguments[0]);
  const std::int64_t stop = integer_of(arguments[arguments.size() == 1 ? 0 : 1]);
  const std::int64_t step = arguments.size() < 3 ? 1 : integer_of(arguments[2]);
  if (step == 0) fail("the step of a range must not be 0");
  PlanValue::List result;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    check_size(result.size() + 1);
    result.push_back({i});
    const std::optional<std::int64_t> next = try_add(i, step);
    if (!next) break;
    i = *next;
  }
  return {std::move(result)};
}

PlanValue length(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "len(x)");
  const PlanValue& of = arguments[0];
  if (of.text() != nullptr) return {std::ssize(*of.text())};
  if (of.record() != nullptr) return {std::ssize(*of.record())};
  return {std::ssize(list_of(of))};
}

PlanValue to_integer(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "int(x)");
  if (arguments[0].text() != nullptr) {
    if (const auto number = parse_python_int(*arguments[0].text())) return {*number};
    fail(fmt::format("'{}' is no integer", *arguments[0].text()));
  }
  if (arguments[0].integer() != nullptr) return arguments[0];
  return integral(std::trunc(numeric(arguments[0])));
}

PlanValue to_float(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "float(x)");
  if (arguments[0].text() == nullptr) return {numeric(arguments[0])};
  if (const auto number = parse_python_float(*arguments[0].text())) return {*number};
  fail(fmt::format("'{}' is no number", *arguments[0].text()));
}

PlanValue to_string(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "str(x)");
  if (arguments[0].list() != nullptr || arguments[0].record() != nullptr)
    fail(fmt::format("{} is no string", describe(arguments[0])));
  return {to_text(arguments[0])};
}

PlanValue absolute(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "abs(x)");
  if (arguments[0].integer() == nullptr) return {std::abs(numeric(arguments[0]))};
  const std::int64_t number = *arguments[0].integer();
  return {number < 0 ? exact(try_subtract(0, number)) : number};
}

PlanValue rounded_down(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "floor(x)");
  return arguments[0].integer() != nullptr ? arguments[0] : integral(std::floor(numeric(arguments[0])));
}

PlanValue rounded_up(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "ceil(x)");
  return arguments[0].integer() != nullptr ? arguments[0] : integral(std::ceil(numeric(arguments[0])));
}

PlanValue square_root(const std::vector<PlanValue>& arguments) {
  need(arguments, 1, 1, "sqrt(x)");
  return {std::sqrt(numeric(arguments[0]))};
}

PlanValue smallest(const std::vector<PlanValue>& arguments) {
  return best(arguments, [](double a, double b) { return a < b; });
}

PlanValue largest(const std::vector<PlanValue>& arguments) {
  return best(arguments, [](double a, double b) { return a > b; });
}

constexpr std::array<ValueFunction, 15> kFunctions{{
    {"abs", "abs(x)", "the absolute value", absolute},
    {"ceil", "ceil(x)", "the smallest integer that is not below x", rounded_up},
    {"float", "float(x)", "a string or an integer as a float", to_float},
    {"floor", "floor(x)", "the largest integer that is not above x", rounded_down},
    {"int", "int(x)", "a string as an integer, or a number without its fraction", to_integer},
    {"len", "len(x)", "the items of a list, the keys of a mapping, the bytes of a string", length},
    {"lerp", "lerp(points, t)", "the value at t, from 0 to 1, of the polyline through points at equal distances", lerp},
    {"max", "max(a, b, ...) or max(list)", "the largest number", largest},
    {"min", "min(a, b, ...) or min(list)", "the smallest number", smallest},
    {"pick", "pick(list, indices)", "the items of a list at these indices, from 0", picked},
    {"range", "range(stop), range(start, stop), range(start, stop, step)", "integers up to, without, stop", range},
    {"round", "round(x, digits)", "x rounded to an integer, or to digits behind the point; halves to even", rounded},
    {"sqrt", "sqrt(x)", "the square root", square_root},
    {"str", "str(x)", "a number as a string", to_string},
    {"sum", "sum(list)", "the sum of numbers", total},
}};

}  // namespace

std::string too_large() {
  return fmt::format("it is too large: more than {} values, or 16 bytes of text for each", kMaxValueSize);
}

std::span<const ValueFunction> value_functions() { return kFunctions; }

const ValueFunction* find_value_function(std::string_view name) {
  const auto found = std::ranges::find(kFunctions, name, &ValueFunction::name);
  return found == kFunctions.end() ? nullptr : &*found;
}

bool truth_of(const PlanValue& value) {
  if (const auto* truth = std::get_if<bool>(&value.is)) return *truth;
  fail(fmt::format("true or false is needed, not {}", describe(value)));
}

PlanValue apply(Operator op, const PlanValue& left, const PlanValue& right) {
  switch (op) {
    case Operator::equal:
      return {left == right};
    case Operator::unequal:
      return {!(left == right)};
    case Operator::less:
      return {compared(left, right, std::less<>())};
    case Operator::less_equal:
      return {compared(left, right, std::less_equal<>())};
    case Operator::greater:
      return {compared(left, right, std::greater<>())};
    case Operator::greater_equal:
      return {compared(left, right, std::greater_equal<>())};
    case Operator::in:
      return {contains(right, left)};
    case Operator::not_in:
      return {!contains(right, left)};
    case Operator::matmul:
      fail("'@' multiplies tensors, which this expression has none of");
    default:
      break;
  }
  const bool are_texts = left.text() != nullptr && right.text() != nullptr;
  const bool are_lists = left.list() != nullptr && right.list() != nullptr;
  if (op == Operator::add && (are_texts || are_lists)) return joined(left, right);
  if (op == Operator::multiply && left.list() != nullptr && right.integer() != nullptr)
    return repeated(left, *right.integer());
  if (!is_numeric(left) || !is_numeric(right))
    fail(fmt::format("'{}' takes numbers, not {} and {}", spelling(op), describe(left), describe(right)));
  if (left.integer() != nullptr && right.integer() != nullptr && op != Operator::divide)
    return of_integers(op, *left.integer(), *right.integer());
  return of_numbers(op, numeric(left), numeric(right));
}

}  // namespace brainsurgery
