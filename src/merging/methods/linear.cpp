// linear: the weighted mean (Wortsman et al., "Model soups", arXiv 2203.05482).
#include "merging/methods/methods.h"
#include "merging/methods/weights.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr lower(const MergeInputs& inputs) {
  const std::vector<double> weights = inputs.of_models("weight");
  const double divisor = inputs.flag("normalize") ? divisor_of(weights) : 1;
  std::vector<Expr> terms;
  for (std::size_t i = 0; i < weights.size(); ++i) terms.push_back((weights[i] / divisor) * inputs.models[i]);
  return sum(terms);
}

}  // namespace

MergeMethod linear() {
  return {.name = "linear",
          .summary = "The weighted mean of all models.",
          .formula = "sum w_i X_i / sum w_i, or without the divisor",
          .source = "Model soups, arXiv 2203.05482",
          .base = MergeMethod::Base::none,
          .least = 1,
          .most = 0,
          .parameters = {{"weight"}, {"normalize", 1}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
