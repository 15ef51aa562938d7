// della, della_linear: elements of the differences are dropped at random, large ones less often than small ones (Deep,
// Bhardwaj, Poria, "DELLA-Merging", arXiv 2406.11617).
#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/order_reducers.h"
#include "merging/sparse_operations.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr floating(const Expr& tensor) { return cast(tensor, tensor.dtype() == DType::F64 ? DType::F64 : DType::F32); }

// The probability with which an element stays: from density - epsilon for the smallest of its row to density + epsilon.
// A row is what has one index in the first dimension; a vector is one row.
Expr probabilities(const Expr& difference, double density, double epsilon) {
  const Shape& shape = difference.shape();
  const std::int64_t rows = shape.size() < 2 ? 1 : shape.front(), columns = element_count(shape) / rows;
  if (columns == 1) return broadcast(number(density, DType::F32), shape);
  const Expr ranks = row_ranks(magnitude(floating(reshape(difference, {rows, columns}))));
  return reshape(2 * epsilon / static_cast<double>(columns - 1) * ranks + number(density - epsilon, DType::F32), shape);
}

Expr some(const MergeInputs& inputs, const Expr& difference, std::size_t model) {
  const double density = density_of(inputs, model), epsilon = inputs.of_model("epsilon", model);
  if (!(density - epsilon > 0 && density + epsilon < 1)) {
    throw Error(ErrorCode::plan, fmt::format("density {} and epsilon {} of models[{}] give probabilities from {} to {}; they lie "
                                             "between 0 and 1",
                                             density, epsilon, model, density - epsilon, density + epsilon));
  }
  const Expr p = probabilities(difference, density, epsilon);
  const Expr stays = less(random_fractions({DType::F32, difference.shape()}, inputs.draws(model)), p);
  if (inputs.shared("rescale") == kRescaleDensity)
    return where(stays, divided(difference, cast(p, difference.dtype())), zeros_like(difference));
  return rescaled(inputs, difference, where(stays, difference, zeros_like(difference)), density);
}

template <Election kElection>
Expr lower(const MergeInputs& inputs) {
  std::vector<Expr> kept = differences(inputs);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = some(inputs, kept[i], i);
  return with_differences(inputs, kept, kElection);
}

MergeMethod of_della(double normalize) {
  return {.name = "",
          .summary = "",
          .formula = "",
          .source = "DELLA-Merging, arXiv 2406.11617",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight"},
                         {"density", 0.5},
                         {"epsilon", 0.15},
                         {"lambda", 1},
                         {"normalize", normalize},
                         {"rescale", kRescaleDensity, kRescaleL1}},
          .lower = nullptr};
}

}  // namespace

MergeMethod della() {
  MergeMethod method = of_della(1);
  method.name = "della";
  method.summary = "Drops elements of the differences at random, small ones more often, elects the sign of each, and adds the mean of those that have it.";
  method.formula = "as of ties, S_i = D_i / p with probability p, else 0, p from density - epsilon to density + epsilon by the place of |D_i| in its row";
  method.lower = lower<Election::by_sum>;
  return method;
}

MergeMethod della_linear() {
  MergeMethod method = of_della(0);
  method.name = "della_linear";
  method.summary = "The same without an election.";
  method.formula = "B + lambda sum w_i S_i, S_i as of della";
  method.lower = lower<Election::none>;
  return method;
}

}  // namespace brainsurgery::merging
