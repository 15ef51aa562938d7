// fisher: the mean of the models, each element weighted by how much it matters (Matena, Raffel, "Merging models with
// Fisher-weighted averaging", arXiv 2111.09832).
#include "brainsurgery/error.h"
#include "merging/methods/methods.h"
#include "merging/sparse_operations.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// Where nothing matters to any model, the plain weighted mean.
Expr lower(const MergeInputs& inputs) {
  std::vector<Expr> terms, divisors, plain;
  double weights = 0;
  for (std::size_t i = 0; i < inputs.models.size(); ++i) {
    const double weight = inputs.of_model("weight", i);
    const Expr importance = weight * inputs.statistics[i];
    terms.push_back(importance * inputs.models[i]);
    divisors.push_back(importance);
    plain.push_back(weight * inputs.models[i]);
    weights += weight;
  }
  const Expr divisor = sum(divisors), zero = number(0, inputs.dtype());
  const Expr is_none = map(operation("equal"), {divisor, zero});
  return where(is_none, (1 / weights) * sum(plain), divided(sum(terms), divisor));
}

}  // namespace

MergeMethod fisher() {
  return {.name = "fisher",
          .summary = "The mean of the models, each element weighted by the diagonal of the model's Fisher information, a tensor beside each.",
          .formula = "sum w_i F_i X_i / sum w_i F_i",
          .source = "Fisher-weighted averaging, arXiv 2111.09832",
          .base = MergeMethod::Base::none,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}},
          .lower = lower,
          .wide_in_mergekit = true,
          .needs_statistics = true};
}

}  // namespace brainsurgery::merging
