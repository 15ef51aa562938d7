// iso_c: the sum of the differences, with all singular values made equal (Marczak et al., "No task left behind: isotropic
// model merging", arXiv 2502.04959).
#include <algorithm>

#include "merging/methods/methods.h"
#include "merging/methods/singular.h"
#include "merging/methods/task_vectors.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr isotropic(const Expr& total) {
  const Expr matrix = as_matrix(total);
  const Singular parts = singular(matrix, std::min(matrix.shape()[0], matrix.shape()[1]));
  const Expr flat = reduce(reducer("mean"), {parts.values}) * matmul(parts.left, parts.right);
  return reshape(cast(flat, total.dtype()), total.shape());
}

Expr lower(const MergeInputs& inputs) {
  return with_spectrum(inputs, [](const std::vector<Expr>& weighted) { return isotropic(sum(weighted)); });
}

}  // namespace

MergeMethod iso_c() {
  return {.name = "iso_c",
          .summary = "Adds the sum of the differences with all its singular values replaced by their mean; of vectors the mean difference.",
          .formula = "B + lambda mean(s) U V^T, U diag(s) V^T = sum w_i D_i",
          .source = "Isotropic Model Merging, arXiv 2502.04959",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight", 1}, {"lambda", 1}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
