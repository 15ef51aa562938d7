// ties: of each difference the largest elements stay, an element's sign is elected, and what has it is averaged (Yadav et
// al., "TIES-Merging", arXiv 2306.01708).
#include <algorithm>

#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/sparse_operations.h"

namespace brainsurgery::merging {
namespace {

// All elements stay that reach the magnitude of the k-th: more than k of them where some are equal.
Expr largest(const MergeInputs& inputs, const Expr& difference, double density) {
  if (density >= 1) return difference;
  if (density <= 0) return zeros_like(difference);
  const std::int64_t k = std::max<std::int64_t>(1, share_of(density, difference));
  return rescaled(inputs, difference, at_least(difference, kth_magnitude(difference, k)), density);
}

Expr lower(const MergeInputs& inputs) {
  std::vector<Expr> kept = differences(inputs);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = largest(inputs, kept[i], density_of(inputs, i));
  return with_differences(inputs, kept, Election::by_sum);
}

}  // namespace

MergeMethod ties() {
  return {.name = "ties",
          .summary = "Keeps the largest elements of the differences from the base, elects the sign of each, and adds the mean of those that have it.",
          .formula = "B + lambda (sum m_i w_i S_i / sum m_i w_i), S_i the largest elements of D_i, m_i whether w_i S_i has the sign of the sum of all",
          .source = "TIES-Merging, arXiv 2306.01708",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}, {"density", 1}, {"lambda", 1}, {"normalize", 1}, {"rescale", 0}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
