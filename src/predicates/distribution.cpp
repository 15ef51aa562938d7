#include "predicates/distribution.h"

#include <cstring>
#include <limits>

#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"
#include "predicates/measured.h"

namespace brainsurgery {
namespace {

Expr number(const char* name, const Expr& elements, const ReducerParameters& parameters = {}) {
  return cast(reduce(reducer(name), {elements}, {}, false, parameters), DType::F64);
}

// The finite elements as they are, the others as `value`.
Expr finite_or(const Expr& elements, double value) {
  return map(operation("where"), {map(operation("is_finite"), {elements}), elements, constant(value)});
}

}  // namespace

std::vector<Expr> element_numbers(const Expr& elements) {
  constexpr double kOfAll = 0;  // the correction of the variance
  return {number("count", map(operation("is_nan"), {elements})),
          number("count", map(operation("is_finite"), {elements})),
          number("count_nonzero", elements),
          number("min", elements),
          number("max", elements),
          number("mean", elements),
          number("var", elements, {.numbers = {kOfAll}}),
          number("norm", elements)};
}

std::vector<Expr> finite_numbers(const Expr& elements) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Expr or_zero = finite_or(elements, 0);
  return {number("min", finite_or(elements, kInfinity)), number("max", finite_or(elements, -kInfinity)),
          number("sum", or_zero), number("norm", or_zero)};
}

Expr finite_distance(const Expr& elements, double center) {
  return number("norm", finite_or(map(operation("subtract"), {elements, constant(center)}), 0));
}

Expr histogram_counts(const Expr& elements, std::int64_t bins, double low, double high) {
  const ReducerParameters parameters{.numbers = {static_cast<double>(bins), low, high}};
  return reduce(reducer("histogram"), {elements}, {}, false, parameters);
}

}  // namespace brainsurgery
