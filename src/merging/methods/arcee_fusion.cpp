// arcee_fusion: of the differences only those stay that matter most, by their size and by how much the distribution of
// their row changed.
#include <cmath>

#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr unary(std::string_view name, Expr a) { return map(operation(name), {std::move(a)}); }
Expr divided_by(Expr a, Expr b) { return map(operation("divide"), {std::move(a), std::move(b)}); }

Expr softmax(const Expr& tensor, int last) {
  const Expr powers = unary("exp", tensor - reduce(reducer("max"), {tensor}, {last}, true));
  return divided_by(powers, reduce(reducer("sum"), {powers}, {last}, true));
}

// KL(model | base) of each row, as distributions.
Expr divergence(const Expr& model, const Expr& base) {
  constexpr double kLeast = 1e-8;
  const int last = static_cast<int>(model.shape().size()) - 1;
  const Expr least = number(kLeast, model.dtype());
  const Expr p = softmax(model, last) + least, q = softmax(base, last) + least;
  return reduce(reducer("sum"), {p * unary("log", divided_by(p, q))}, {last}, true);
}

// The element at a share of the way from the smallest on.
Expr element_at(const Expr& tensor, double share) {
  const std::int64_t count = element_count(tensor.shape());
  const auto place = static_cast<std::int64_t>(std::floor(share * static_cast<double>(count - 1)));
  return reduce(reducer("kth_largest"), {tensor}, {}, false, {.numbers = {static_cast<double>(count - place)}});
}

Expr lower(const MergeInputs& inputs) {
  constexpr double kBeyond = 1.5;
  const Expr difference = inputs.models.front() - inputs.base;
  if (difference.shape().empty()) return inputs.models.front();
  const Expr importance = magnitude(difference) * divergence(inputs.models.front(), inputs.base);
  const Expr bound = element_at(importance, 0.5) + kBeyond * (element_at(importance, 0.75) - element_at(importance, 0.25));
  return inputs.base + where(less(importance, bound), zeros_like(difference), difference);
}

}  // namespace

MergeMethod arcee_fusion() {
  return {.name = "arcee_fusion",
          .summary = "Takes over those elements of a model that differ most, by their own size and by how the distribution of their row changed.",
          .formula = "B + D where I >= median(I) + 1.5 (q75(I) - q25(I)), I = |D| KL(softmax(X) | softmax(B)) by rows",
          .source = "Arcee",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 1,
          .parameters = {},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
