#include "merging/methods/task_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "merging/methods/weights.h"
#include "merging/sparse_operations.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr weighted(double weight, const Expr& tensor) { return weight == 1 ? tensor : weight * tensor; }

Expr elected(const MergeInputs& inputs, const std::vector<Expr>& differences) {
  const std::vector<double> weights = inputs.of_models("weight");
  std::vector<Expr> terms, agreeing_terms, agreeing_weights;
  for (std::size_t i = 0; i < weights.size(); ++i) terms.push_back(weighted(weights[i], differences[i]));
  const Expr total = sum(terms);
  for (const Expr& term : terms) agreeing_terms.push_back(agreeing(term, total));
  const Expr mixed = sum(agreeing_terms);
  if (!inputs.flag("normalize")) return mixed;
  for (std::size_t i = 0; i < weights.size(); ++i) agreeing_weights.push_back(weighted(weights[i], agreement(terms[i], total)));
  return divided(mixed, sum(agreeing_weights));
}

Expr added(const MergeInputs& inputs, const std::vector<Expr>& differences) {
  const std::vector<double> weights = inputs.of_models("weight");
  std::vector<Expr> terms;
  for (std::size_t i = 0; i < weights.size(); ++i) terms.push_back(weighted(weights[i], differences[i]));
  if (!inputs.flag("normalize")) return sum(terms);
  return divided(sum(terms), number(divisor_of(weights), inputs.dtype()));
}

Expr sum_of_magnitudes(const Expr& tensor) {
  return reduce(reducer("norm"), {cast(tensor, DType::F64)}, {}, false, {.numbers = {1.0}});
}

// 1 where there is nothing to speak of.
Expr ratio(const Expr& a, const Expr& b) {
  constexpr double kLeast = 1e-7;
  const Expr least = number(kLeast, DType::F64), one = number(1, DType::F64);
  const Expr both = map(operation("and"), {less(least, a), less(least, b)});
  return where(both, divided(a, b), one);
}

}  // namespace

std::vector<Expr> differences(const MergeInputs& inputs) {
  std::vector<Expr> result;
  for (const Expr& model : inputs.models) result.push_back(model - inputs.base);
  return result;
}

Expr with_differences(const MergeInputs& inputs, const std::vector<Expr>& differences, Election election) {
  const Expr mixed = election == Election::none ? added(inputs, differences) : elected(inputs, differences);
  return inputs.base + weighted(inputs.shared("lambda"), mixed);
}

Expr with_spectrum(const MergeInputs& inputs, const std::function<Expr(const std::vector<Expr>& weighted)>& mix) {
  std::vector<Expr> weighted = differences(inputs);
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] = inputs.of_model("weight", i) * weighted[i];
  const bool is_matrix = inputs.base.shape().size() >= 2;
  const Expr mixed = is_matrix ? mix(weighted) : 1 / static_cast<double>(weighted.size()) * sum(weighted);
  return inputs.base + inputs.shared("lambda") * mixed;
}

Expr rescaled(const MergeInputs& inputs, const Expr& difference, Expr kept, double density) {
  const double rescale = inputs.shared("rescale");
  if (rescale == kRescaleDensity) return density <= 0 ? kept : (1 / density) * std::move(kept);
  if (rescale == kRescaleL1)
    return kept * cast(ratio(sum_of_magnitudes(difference), sum_of_magnitudes(kept)), inputs.dtype());
  return kept;
}

double density_of(const MergeInputs& inputs, std::size_t model) {
  const double density = inputs.of_model("density", model);
  if (density >= 0 && density <= 1) return density;
  throw Error(ErrorCode::plan, fmt::format("'density' of models[{}] is {}; it is the share that stays, 0 to 1", model, density));
}

std::int64_t share_of(double share, const Expr& tensor) {
  return static_cast<std::int64_t>(std::floor(share * static_cast<double>(element_count(tensor.shape()))));
}

Expr kth_magnitude(const Expr& tensor, std::int64_t k) {
  return reduce(reducer("kth_largest"), {magnitude(tensor)}, {}, false, {.numbers = {static_cast<double>(k)}});
}

Expr zeros_like(const Expr& tensor) { return broadcast(number(0, tensor.dtype()), tensor.shape()); }

}  // namespace brainsurgery::merging
