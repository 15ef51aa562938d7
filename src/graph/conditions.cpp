#include "graph/conditions.h"

#include <cmath>
#include <utility>

#include "kernels/comparisons.h"

namespace brainsurgery {
namespace {

double double_of(const Number& number) {
  return std::visit([](const auto value) { return static_cast<double>(value); }, number);
}

Verdict verdict_of(bool pass, const std::string& reason) { return {pass, pass ? "" : reason}; }

// In what PyTorch gives the mean of a dtype. It has none for 8-bit floats; they are treated like integers.
DType mean_dtype(DType dtype) {
  const bool has_own = dtype == DType::F64 || dtype == DType::F16 || dtype == DType::BF16;
  return has_own ? dtype : DType::F32;
}

// In a type whose mean is at least as precise as the one that is wanted.
Expr with_means(const Expr& tensor) {
  const DType dtype = tensor.dtype();
  if (is_floating(dtype)) return info(dtype).bits == 8 ? cast(tensor, DType::F32) : tensor;
  return cast(tensor, DType::F64);
}

bool gives_distance(const ValueComparison& comparison) { return comparison.eps && info(comparison.a.dtype()).computes; }

}  // namespace

checks::Measured equal_values(const Expr& a, const Expr& b, std::optional<double> eps, std::string reason) {
  if (eps) {
    return {{reduce(kernels::largest_difference(), {a, b})},
            [limit = *eps, reason = std::move(reason)](std::span<const Number> values, const Measure&) {
              return verdict_of(double_of(values[0]) <= limit, reason);
            }};
  }
  return {{reduce(kernels::equality(), {a, b})},
          [reason = std::move(reason)](std::span<const Number> values, const Measure&) {
            return verdict_of(double_of(values[0]) != 0, reason);
          }};
}

checks::Measured small_values(const Expr& a, std::optional<double> eps, std::string reason) {
  if (element_count(a.shape()) == 0) return {{}, [](auto, const Measure&) { return Verdict{true, ""}; }};
  if (!eps) {
    return {{reduce(reducer("any"), {a})},
            [reason = std::move(reason)](std::span<const Number> values, const Measure&) {
              return verdict_of(double_of(values[0]) == 0, reason);
            }};
  }
  std::vector<Expr> numbers;
  if (is_floating(a.dtype())) {
    numbers.push_back(reduce(reducer("norm"), {a}, {}, false, {.numbers = {HUGE_VAL}}));
  } else {
    for (const char* name : {"min", "max"}) numbers.push_back(reduce(reducer(name), {a}));
  }
  return {std::move(numbers),
          [limit = *eps, reason = std::move(reason)](std::span<const Number> values, const Measure&) {
            bool pass = true;
            for (const Number& value : values) pass = pass && std::abs(double_of(value)) <= limit;
            return verdict_of(pass, reason);
          }};
}

std::vector<Expr> statistics_of(const Expr& expr) {
  if (element_count(expr.shape()) == 0 || !info(expr.dtype()).computes) return {};
  const Expr elements = with_means(expr);
  const auto number = [&elements](const char* name) { return reduce(reducer(name), {elements}); };
  const Expr mean = cast(number("mean"), mean_dtype(expr.dtype()));
  std::vector<Expr> numbers;
  for (const Expr& one : {number("min"), number("max"), mean}) numbers.push_back(cast(one, DType::F64));
  return numbers;
}

TensorStatistics statistics(std::span<const Number> numbers) {
  if (numbers.empty()) return {};
  return {double_of(numbers[0]), double_of(numbers[1]), double_of(numbers[2])};
}

Expr difference_of(const ValueComparison& comparison) {
  return reduce(gives_distance(comparison) ? kernels::largest_difference() : kernels::equality(),
                {comparison.a, comparison.b});
}

Difference difference(const ValueComparison& comparison, const Number& number) {
  const double found = double_of(number);
  if (!gives_distance(comparison)) return {found == 0, std::nullopt};
  return {!(found <= *comparison.eps), found};
}

}  // namespace brainsurgery
