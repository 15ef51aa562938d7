// dare_linear, dare_ties: elements of the differences from the base are dropped at random, and the others made larger (Yu
// et al., "Language models are super Mario", arXiv 2311.03099).
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr some(const MergeInputs& inputs, const Expr& difference, std::size_t model) {
  const double density = density_of(inputs, model);
  if (density >= 1) return difference;
  if (density <= 0) return zeros_like(difference);
  const Expr draws = random_fractions({DType::F32, difference.shape()}, inputs.draws(model));
  Expr kept = where(less(draws, number(density, DType::F32)), difference, zeros_like(difference));
  return rescaled(inputs, difference, std::move(kept), density);
}

template <Election kElection>
Expr lower(const MergeInputs& inputs) {
  std::vector<Expr> kept = differences(inputs);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = some(inputs, kept[i], i);
  return with_differences(inputs, kept, kElection);
}

MergeMethod dare() {
  return {.name = "",
          .summary = "",
          .formula = "",
          .source = "DARE, arXiv 2311.03099",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight"}, {"density", 1}, {"lambda", 1}, {"normalize", 0}, {"rescale", kRescaleDensity, kRescaleL1}},
          .lower = nullptr};
}

}  // namespace

MergeMethod dare_linear() {
  MergeMethod method = dare();
  method.name = "dare_linear";
  method.summary = "Drops elements of the differences at random, makes the others larger, and adds them to the base.";
  method.formula = "B + lambda sum w_i S_i, S_i = D_i / density where a random number is below the density, else 0";
  method.lower = lower<Election::none>;
  return method;
}

MergeMethod dare_ties() {
  MergeMethod method = dare();
  method.name = "dare_ties";
  method.summary = "The same, with the sign of each element elected as by ties.";
  method.formula = "B + lambda sum m_i w_i S_i, S_i as of dare_linear, m_i as of ties";
  method.lower = lower<Election::by_sum>;
  return method;
}

}  // namespace brainsurgery::merging
