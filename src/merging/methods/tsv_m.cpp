// tsv_m: the first singular directions of each difference, made orthogonal to those of the others (Gargiulo et al., "Task
// Singular Vectors", arXiv 2412.00081).
#include <algorithm>

#include "merging/methods/methods.h"
#include "merging/methods/singular.h"
#include "merging/methods/task_vectors.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// As many directions of each as there is room for, one at least.
Expr decorrelated(const std::vector<Expr>& tensors) {
  const Expr first = as_matrix(tensors.front());
  const std::int64_t room = std::min(first.shape()[0], first.shape()[1]), count = std::ssize(tensors);
  std::vector<Expr> left, values, right;
  for (const Expr& tensor : tensors) {
    Singular parts = singular(as_matrix(tensor), std::max<std::int64_t>(1, room / count));
    left.push_back(std::move(parts.left));
    values.push_back(std::move(parts.values));
    right.push_back(std::move(parts.right));
  }
  const Expr u = orthogonal_factor(concat(std::move(left), 1)), v = orthogonal_factor(concat(std::move(right), 0));
  const Expr merged = matmul(u * concat(std::move(values), 1), v);
  return reshape(cast(merged, tensors.front().dtype()), tensors.front().shape());
}

Expr lower(const MergeInputs& inputs) { return with_spectrum(inputs, decorrelated); }

}  // namespace

MergeMethod tsv_m() {
  return {.name = "tsv_m",
          .summary = "Adds the first singular directions of each difference, made orthogonal to those of the others; of vectors the mean difference.",
          .formula = "B + lambda U' diag(s) V'^T, U' and V' the orthogonal matrices next to the singular vectors of all w_i D_i side by side, min(m, n) / n_models of each",
          .source = "Task Singular Vectors, arXiv 2412.00081",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}, {"lambda", 1}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
