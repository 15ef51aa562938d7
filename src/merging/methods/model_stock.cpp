// model_stock: from the base towards the mean of the models, as far as the angle between their differences says (Jang,
// Yun, Han, arXiv 2403.19522).
#include <algorithm>
#include <cmath>

#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/span_rules.h"

namespace brainsurgery::merging {
namespace {

// `given`: inner products of the differences. Coefficients of the base and of the models.
void towards_the_mean(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients) {
  constexpr double kSingular = 1e-6;
  const double least_product = parameters[1];
  const std::size_t n = coefficients.size() - 1;
  const Gram gram(given, n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double product = std::max(std::sqrt(gram(i, i)) * std::sqrt(gram(j, j)), least_product);
      sum += product == 0 ? 0 : std::clamp(gram(i, j) / product, -1.0, 1.0);
    }
  }
  const auto count = static_cast<double>(n);
  const double cosine = sum / (count * (count - 1) / 2), divisor = 1 + (count - 1) * cosine;
  const double t = std::abs(divisor) < kSingular ? 0 : count * cosine / divisor;
  coefficients[0] = 1 - t;
  std::ranges::fill(coefficients.subspan(1), t / count);
}

Expr lower(const MergeInputs& inputs) {
  constexpr double kLeastInMergekit = 1e-6;
  static const Reducer rule = span_rule<towards_the_mean>("towards_the_mean", "coefficients of the base and the models",
                                                          {{{"count"}, {"least"}}});
  const auto rank = static_cast<int>(inputs.base.shape().size());
  const std::vector<int> axes = inputs.flag("filter_wise") && rank > 0 ? std::vector{rank - 1} : std::vector<int>();
  std::vector<Expr> tensors{inputs.base};
  tensors.insert(tensors.end(), inputs.models.begin(), inputs.models.end());
  const double least = inputs.as_mergekit() ? kLeastInMergekit : 0;
  const ReducerParameters parameters{.numbers = {static_cast<double>(tensors.size()), least}};
  return combination(apply_rule(rule, inner_products(differences(inputs), axes), parameters), tensors);
}

}  // namespace

MergeMethod model_stock() {
  return {.name = "model_stock",
          .summary = "From the base towards the mean of the models, as far as the angle between their differences from the base says.",
          .formula = "t mean(X) + (1 - t) B, t = n c / (1 + (n - 1) c), c the mean cosine of two differences",
          .source = "Model Stock, arXiv 2403.19522",
          .base = MergeMethod::Base::required,
          .least = 2,
          .most = 0,
          .parameters = {{"filter_wise", 0}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
