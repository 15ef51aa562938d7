// nuslerp: along the arc between two tensors, or two differences from a base, as wholes or vector by vector.
#include <algorithm>
#include <cmath>

#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/span_rules.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

constexpr double kLeastNorm = 1e-7;

void arc_of_units(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients) {
  constexpr double kCollinear = 1e-16;
  const double t = parameters[1];
  const auto norm = [](double square) { return std::max(std::sqrt(square), kLeastNorm); };
  const double cosine = std::clamp(given[1] / (norm(given[0]) * norm(given[2])), -1.0, 1.0);
  if (1 - cosine * cosine <= kCollinear) {
    coefficients[0] = 1 - t;
    coefficients[1] = t;
    return;
  }
  const double angle = std::acos(cosine);
  coefficients[0] = std::sin((1 - t) * angle) / std::sin(angle);
  coefficients[1] = std::sin(t * angle) / std::sin(angle);
}

double place_of_second(const std::vector<double>& weights) {
  constexpr double kLeast = 1e-6;
  const double sum = weights[0] + weights[1];
  return std::abs(sum) < kLeast ? 0.5 : weights[1] / sum;
}

// Of one vector; none: the whole tensor.
std::vector<int> axes_of(const MergeInputs& inputs, std::size_t rank) {
  if (inputs.flag("flatten") || rank == 0) return {};
  return {inputs.flag("row_wise") ? 0 : static_cast<int>(rank) - 1};
}

Expr lower(const MergeInputs& inputs) {
  static const Reducer rule = span_rule<arc_of_units>("arc_of_units", "coefficients of a point of an arc", {{{"count"}, {"t"}}});
  const std::vector<Expr> ends = inputs.base ? differences(inputs) : inputs.models;
  const std::vector<Expr> products = inner_products(ends, axes_of(inputs, ends.front().shape().size()));
  const double t = place_of_second(inputs.of_models("weight"));
  const Expr mixed = combination(apply_rule(rule, products, {.numbers = {2.0, t}}), ends);
  return inputs.base ? inputs.base + mixed : mixed;
}

}  // namespace

MergeMethod nuslerp() {
  return {.name = "nuslerp",
          .summary = "A point on the arc between two models, or between their differences from a base.",
          .formula = "(sin((1 - t) a) X_1 + sin(t a) X_2) / sin a, t = w_2 / (w_1 + w_2)",
          .source = "",
          .base = MergeMethod::Base::optional,
          .least = 2,
          .most = 2,
          .parameters = {{"weight"}, {"flatten", 1}, {"row_wise", 0}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
