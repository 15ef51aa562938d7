// multislerp: the mean direction of several tensors, or differences from a base, with their mean length (Goddard, 2025).
#include <cmath>

#include "brainsurgery/error.h"
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/methods/weights.h"
#include "merging/span_rules.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// `given`: the triangle of inner products, then the weights. The published step along the tangents at the mean direction
// is left out: their weighted sum is 0, since the mean is what they are tangents at.
void mean_direction(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients) {
  const std::size_t n = coefficients.size();
  const double epsilon = parameters[1];
  const Gram gram(given, n);
  const std::span<const double> weights = given.last(n);
  double length = 0, square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    length += weights[i] * std::sqrt(gram(i, i));
    coefficients[i] = weights[i] / (std::sqrt(gram(i, i)) + epsilon);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) square += coefficients[i] * coefficients[j] * gram(i, j);
  }
  const double norm = std::sqrt(std::max(square, 0.0));
  if (norm >= epsilon) {
    for (double& coefficient : coefficients) coefficient *= length / norm;
  } else if (n == 2) {
    std::copy(weights.begin(), weights.end(), coefficients.begin());
  } else {
    throw Error(ErrorCode::run, "multislerp: the weighted directions cancel out, and have no mean");
  }
}

Expr lower(const MergeInputs& inputs) {
  static const Reducer rule =
      span_rule<mean_direction>("mean_direction", "coefficients of the mean direction", {{{"count"}, {"eps"}}});
  const std::vector<Expr> vectors = inputs.base ? differences(inputs) : inputs.models;
  if (vectors.size() == 1) return inputs.models.front();
  std::vector<Expr> given = inner_products(vectors);
  const std::vector<double> weights = inputs.of_models("weight");
  const double divisor = inputs.flag("normalize") ? divisor_of(weights) : 1;
  for (const double weight : weights) given.push_back(number(weight / divisor, DType::F64));
  const auto count = static_cast<double>(vectors.size());
  const Expr mixed = combination(apply_rule(rule, given, {.numbers = {count, inputs.shared("eps")}}), vectors);
  return inputs.base ? inputs.base + mixed : mixed;
}

}  // namespace

MergeMethod multislerp() {
  return {.name = "multislerp",
          .summary = "The weighted mean direction of the models, or of their differences from a base, with their weighted mean length.",
          .formula = "(sum w_i |X_i|) m / |m|, m = sum w_i X_i / |X_i|",
          .source = "Goddard 2025",
          .base = MergeMethod::Base::optional,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}, {"normalize", 1}, {"eps", 1e-8}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
