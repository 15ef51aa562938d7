// consensus: of the sum of the differences only those elements stay that matter to several models (Wang et al.,
// "Localizing task information", arXiv 2405.07813).
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// An element matters to a model where its difference is not small beside what the others add.
Expr lower(const MergeInputs& inputs) {
  const std::vector<Expr> all = differences(inputs);
  std::vector<Expr> terms, votes;
  for (std::size_t i = 0; i < all.size(); ++i) terms.push_back(inputs.of_model("weight", i) * all[i]);
  const Expr total = sum(terms);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Expr bound = inputs.of_model("tall", i) * magnitude(total - all[i]);
    votes.push_back(cast(map(operation("less_equal"), {bound, magnitude(all[i])}), inputs.dtype()));
  }
  const Expr few = less(sum(votes), number(inputs.shared("votes"), inputs.dtype()));
  return inputs.base + inputs.shared("lambda") * where(few, zeros_like(total), total);
}

}  // namespace

MergeMethod consensus() {
  return {.name = "consensus",
          .summary = "Adds those elements of the sum of the differences that matter to several models.",
          .formula = "B + lambda T where |D_i| >= tall |T - D_i| for at least `votes` models, T = sum w_i D_i",
          .source = "TALL masks, arXiv 2405.07813",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}, {"tall", 0.4}, {"votes", 2}, {"lambda", 1}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
