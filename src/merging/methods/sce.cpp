// sce: elements on which the models differ most are selected, models weighted by how much they changed, and what goes
// against the elected sign erased (Wan et al., "FuseChat", arXiv 2408.07990).
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/order_reducers.h"
#include "merging/sparse_operations.h"
#include "merging/span_rules.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

DType wide(DType dtype) { return dtype == DType::F64 ? DType::F64 : DType::F32; }

// Elements whose variance over the models is among the largest.
std::vector<Expr> selected(const std::vector<Expr>& differences, double share) {
  if (share >= 1) return differences;
  const double count = static_cast<double>(differences.size());
  const Expr mean = (1 / count) * sum(differences);
  std::vector<Expr> squares, kept;
  for (const Expr& difference : differences) squares.push_back((difference - mean) * (difference - mean));
  const Expr variance = cast((1 / count) * sum(squares), wide(mean.dtype()));
  const Expr below = less(variance, bound_of_nonzero(variance, share));
  for (const Expr& difference : differences) kept.push_back(where(below, zeros_like(difference), difference));
  return kept;
}

// `given`: the sums of squares of the models. Their shares; equal ones where there is nothing to speak of.
void shares(std::span<const double> given, std::span<const double> parameters, std::span<double> weights) {
  double sum = 0;
  for (const double square : given) sum += square / parameters[1];
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = sum == 0 || sum < parameters[2] ? 1 / static_cast<double>(weights.size()) : given[i] / parameters[1] / sum;
}

Expr lower(const MergeInputs& inputs) {
  constexpr double kLeastInMergekit = 1e-6;
  static const Reducer rule = span_rule<shares>("shares", "what each is of the sum", {{{"count"}, {"elements"}, {"least"}}});
  const std::vector<Expr> kept = selected(differences(inputs), inputs.shared("select_topk"));
  std::vector<Expr> squares, terms, weights;
  for (const Expr& difference : kept) squares.push_back(dot(difference, difference));
  const auto elements = static_cast<double>(element_count(kept.front().shape()));
  const double least = inputs.as_mergekit() ? kLeastInMergekit : 0;
  const std::vector<Expr> of_models = apply_rule(rule, squares, {.numbers = {static_cast<double>(kept.size()), elements, least}});
  const Expr total = sum(kept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Expr weight = cast(of_models[i], inputs.dtype());
    terms.push_back(weight * agreeing(kept[i], total));
    weights.push_back(weight * agreement(kept[i], total));
  }
  return inputs.base + divided(sum(terms), sum(weights));
}

}  // namespace

MergeMethod sce() {
  return {.name = "sce",
          .summary = "Keeps the elements on which the models differ most, weights each model by the squares of its differences, and adds the mean of those that have the elected sign.",
          .formula = "B + sum m_i w_i S_i / sum m_i w_i, w_i the share of model i in the squares of all",
          .source = "FuseChat, arXiv 2408.07990",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"select_topk", 1}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
