// breadcrumbs, breadcrumbs_ties: of each difference neither the largest nor the smallest elements stay (Davari, Belilovsky,
// "Model Breadcrumbs", arXiv 2312.06795).
#include <algorithm>

#include "brainsurgery/error.h"
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/sparse_operations.h"

namespace brainsurgery::merging {
namespace {

// `gamma` of the elements at the top go, and as many at the bottom that the share `density` stays.
Expr middle(const MergeInputs& inputs, const Expr& difference, std::size_t model) {
  const double density = density_of(inputs, model), gamma = inputs.of_model("gamma", model);
  if (gamma < 0 || gamma > 1) throw Error(ErrorCode::plan, "'gamma' is the share of the largest elements that go, 0 to 1");
  if (density >= 1) return difference;
  const std::int64_t count = element_count(difference.shape()), kept = share_of(density, difference);
  if (kept <= 0) return zeros_like(difference);
  const std::int64_t below = std::max<std::int64_t>(0, count - kept - share_of(gamma, difference));
  const std::int64_t smallest = count - below, largest = count - (below + kept - 1);
  Expr tensor = at_least(difference, kth_magnitude(difference, smallest));
  if (largest > 1) tensor = at_most(std::move(tensor), kth_magnitude(difference, largest));
  return rescaled(inputs, difference, std::move(tensor), density);
}

template <Election kElection>
Expr lower(const MergeInputs& inputs) {
  std::vector<Expr> kept = differences(inputs);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = middle(inputs, kept[i], i);
  return with_differences(inputs, kept, kElection);
}

MergeMethod of_breadcrumbs() {
  return {.name = "",
          .summary = "",
          .formula = "",
          .source = "Model Breadcrumbs, arXiv 2312.06795",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight"}, {"density", 1}, {"gamma", 0.01}, {"lambda", 1}, {"normalize", 0}, {"rescale", 0}},
          .lower = nullptr};
}

}  // namespace

MergeMethod breadcrumbs() {
  MergeMethod method = of_breadcrumbs();
  method.name = "breadcrumbs";
  method.summary = "Leaves the largest and the smallest elements of the differences out, and adds the others to the base.";
  method.formula = "B + lambda sum w_i S_i, S_i the elements of D_i between the bounds that gamma and density give";
  method.lower = lower<Election::none>;
  return method;
}

MergeMethod breadcrumbs_ties() {
  MergeMethod method = of_breadcrumbs();
  method.name = "breadcrumbs_ties";
  method.summary = "The same, with the sign of each element elected as by ties.";
  method.formula = "B + lambda sum m_i w_i S_i, S_i as of breadcrumbs, m_i as of ties";
  method.lower = lower<Election::by_sum>;
  return method;
}

}  // namespace brainsurgery::merging
