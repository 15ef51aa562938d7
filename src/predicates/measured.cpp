#include "predicates/measured.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/numbers.h"

namespace brainsurgery {
namespace {

Expr apply(const char* name, std::vector<Expr> operands, const Parameters& parameters = {}) {
  return map(operation(name), std::move(operands), parameters);
}

std::string shown_elements(const std::vector<Number>& elements) {
  std::string text;
  for (const Number& element : elements) text += (text.empty() ? "" : " and ") + text_of(element);
  return text;
}

// How far apart, exactly for integers.
double distance(const Number& value, const ExactNumber& is) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (integer == nullptr || !is.integer) return std::abs(double_of(value) - is.value);
  const auto a = static_cast<std::uint64_t>(*integer), b = static_cast<std::uint64_t>(*is.integer);
  return static_cast<double>(*integer > *is.integer ? a - b : b - a);
}

}  // namespace

std::string text_of(const Number& number) {
  if (const auto* value = std::get_if<double>(&number)) return python_float(*value);
  if (const auto* value = std::get_if<std::int64_t>(&number)) return std::to_string(*value);
  return std::to_string(std::get<std::uint64_t>(number));
}

double double_of(const Number& number) {
  return std::visit([](const auto value) { return static_cast<double>(value); }, number);
}

Expr constant(double value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return literal({DType::F64, {}}, std::move(bytes));
}

Expr element_at(const Expr& tensor, std::int64_t place) {
  Region region{std::vector<Region::Axis>(tensor.shape().size())};
  for (std::size_t i = tensor.shape().size(); i-- > 0;) {
    region.axes[i] = {place % tensor.shape()[i], 1, 1, true};
    place /= tensor.shape()[i];
  }
  return slice(tensor, std::move(region));
}

std::string index_text(const Shape& shape, std::int64_t place) {
  Shape index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = place % shape[i];
    place /= shape[i];
  }
  return to_string(index);
}

CheckPtr every_element(ElementCondition condition) {
  const Shape shape = condition.good.shape();
  const std::int64_t count = element_count(shape);
  if (count == 0) return decided(true, "");
  std::vector<Expr> numbers{reduce(reducer("count"), {condition.good}), reduce(reducer("argmin"), {condition.good})};
  const auto judge = [condition = std::move(condition), shape, count](std::span<const Number> values,
                                                                     const Measure& more) {
    const std::int64_t bad = count - std::get<std::int64_t>(values[0]), place = std::get<std::int64_t>(values[1]);
    if (bad == 0) return Verdict{true, ""};
    std::vector<Expr> elements;
    for (const Expr& tensor : condition.shown) elements.push_back(element_at(tensor, place));
    const std::string first = shown_elements(more(elements));
    if (shape.empty()) return Verdict{false, fmt::format("{}: it is {}", condition.failure, first)};
    return Verdict{false, fmt::format("{}: {} of {} {} {}, the first at {}: {}", condition.failure, bad, count,
                                      count == 1 ? "element" : "elements", bad == 1 ? condition.one : condition.many,
                                      index_text(shape, place), first)};
  };
  return make_check(checks::Measured{std::move(numbers), judge});
}

bool Tolerance::allows(const Number& value, const ExactNumber& is) const {
  if (std::isinf(is.value)) return double_of(value) == is.value;
  const double apart = distance(value, is);
  return apart <= eps.value_or(0) + (rtol ? *rtol * std::abs(is.value) : 0);
}

std::string to_string(const Tolerance& tolerance) {
  if (!tolerance.is_given()) return "";
  std::string text = " within ";
  if (tolerance.eps) text += "eps " + python_float(*tolerance.eps);
  if (tolerance.rtol) text += (tolerance.eps ? " and rtol " : "rtol ") + python_float(*tolerance.rtol);
  return text;
}

std::optional<FieldProblem> problem_of_tolerance(const char* name, const std::optional<double>& value) {
  if (value && (std::isnan(*value) || *value < 0))
    return FieldProblem{name, fmt::format("must be a non-negative number, found {}", python_float(*value))};
  return std::nullopt;
}

std::optional<FieldProblem> problem_of(const Tolerance& tolerance) {
  const auto problem = problem_of_tolerance("eps", tolerance.eps);
  return problem ? problem : problem_of_tolerance("rtol", tolerance.rtol);
}

std::string expected_text(const ExactNumber& is, const Tolerance& tolerance) {
  return (is.integer ? std::to_string(*is.integer) : python_float(is.value)) + to_string(tolerance);
}

CheckPtr mistake_of_dtype(const std::string& name, const FoundTensor& tensor) {
  try {
    require_readable(tensor.expr, tensor.label());
  } catch (const Error& error) {
    return make_check(checks::Mistake{error});
  }
  if (info(tensor.expr.dtype()).computes) return nullptr;
  return make_check(checks::Mistake{Error(ErrorCode::plan, fmt::format("{}: {} is not defined for dtype {}",
                                                                       tensor.label(), name,
                                                                       to_string(tensor.expr.dtype())))});
}

CheckPtr for_every_number(const std::string& name, const TensorRef& ref, NameScope& names,
                          const std::function<CheckPtr(const FoundTensor&)>& each) {
  return for_every_match(ref, names, true, [&](const FoundTensor& tensor) {
    CheckPtr mistake = mistake_of_dtype(name, tensor);
    return mistake != nullptr ? mistake : each(tensor);
  });
}

CheckPtr for_every_pair(const TensorRef& left, const TensorRef& right, NameScope& names,
                        const std::function<CheckPtr(const FoundTensor&, const FoundTensor&)>& each) {
  std::vector<CheckPtr> parts;
  try {
    const auto pairs = names.select_pairs(left, right);
    if (pairs.empty()) return make_check(checks::Mistake{names.no_match(left)});
    for (const auto& [one, other] : pairs) {
      if (!other.expr) throw names.missing(right, other);
    }
    for (const auto& [one, other] : pairs) {
      names.count_read(one);
      names.count_read(other);
      parts.push_back(each(one, other));
    }
  } catch (const Error& error) {
    return make_check(checks::Mistake{error});
  }
  return make_check(checks::AllOf{std::move(parts)});
}

// As numpy.isclose: what is infinite is close to itself alone.
CheckPtr close_everywhere(const FoundTensor& left, const FoundTensor& right, const Closeness& closeness,
                          std::string failure) {
  const Expr a = cast(left.expr, DType::F64), b = cast(right.expr, DType::F64);
  const Expr apart = apply("abs", {apply("subtract", {a, b})});
  const Expr allowed = apply("add", {apply("scale", {apply("abs", {b})}, {.numbers = {closeness.rtol}}),
                                     constant(closeness.atol)});
  Expr good = apply("and", {apply("less_equal", {apart, allowed}), apply("is_finite", {b})});
  good = apply("or", {good, apply("equal", {a, b})});
  if (closeness.equal_nan) good = apply("or", {good, apply("and", {apply("is_nan", {a}), apply("is_nan", {b})})});
  return every_element({good, std::move(failure), "is too far apart", "are too far apart", {left.expr, right.expr}});
}

}  // namespace brainsurgery
