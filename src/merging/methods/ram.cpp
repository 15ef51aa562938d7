// ram, ramplus_tl: what only one model changed is added as it is, what several changed is averaged (arXiv 2601.13572).
#include <algorithm>

#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"
#include "merging/sparse_operations.h"
#include "merging/span_rules.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// The changes of the models: those of more than epsilon, and how many models changed an element.
struct Changes {
  std::vector<Expr> by, happened;  // differences, and truth values
  Expr count;
};

Changes changes_of(const MergeInputs& inputs) {
  Changes changes;
  std::vector<Expr> counted;
  const std::vector<Expr> all = differences(inputs);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Expr happened = less(number(inputs.of_model("epsilon", i), inputs.dtype()), magnitude(all[i]));
    changes.by.push_back(where(happened, all[i], zeros_like(all[i])));
    changes.happened.push_back(happened);
    counted.push_back(cast(happened, inputs.dtype()));
  }
  changes.count = sum(counted);
  return changes;
}

Expr ram_mean(const MergeInputs& inputs) {
  const Changes changes = changes_of(inputs);
  return inputs.base + divided(sum(changes.by), changes.count);
}

// `given`: how many elements the model changed with others, and alone. The factor of the latter.
void factor_of_unique(std::span<const double> given, std::span<const double> parameters, std::span<double> factor) {
  constexpr double kOne = 1;
  const double shared = given[0], unique = given[1], epsilon = given[2];
  const double ratio = shared / std::max(unique, epsilon);
  factor[0] = kOne + parameters[1] * std::clamp(ratio, 0.0, parameters[2]);
}

Expr count_of(const Expr& condition) { return cast(reduce(reducer("count"), {condition}), DType::F64); }

Expr ram_rescaled(const MergeInputs& inputs) {
  static const Reducer rule = span_rule<factor_of_unique>("factor_of_unique", "the factor of what one model changed alone",
                                                          {{{"count"}, {"r"}, {"alpha"}}});
  const Changes changes = changes_of(inputs);
  const Expr is_shared = less(number(1, inputs.dtype()), changes.count);
  std::vector<Expr> terms;
  for (std::size_t i = 0; i < changes.by.size(); ++i) {
    const Expr& happened = changes.happened[i];
    const Expr shared = map(operation("and"), {happened, is_shared});
    const Expr unique = map(operation("and"), {happened, map(operation("not"), {is_shared})});
    const std::vector<Expr> given{count_of(shared), count_of(unique), number(inputs.of_model("epsilon", i), DType::F64)};
    const Expr factor = apply_rule(rule, given, {.numbers = {1.0, inputs.shared("r"), inputs.shared("alpha")}}).front();
    terms.push_back(where(is_shared, changes.by[i], cast(factor, inputs.dtype()) * changes.by[i]));
  }
  return inputs.base + divided(sum(terms), changes.count);
}

}  // namespace

MergeMethod ram() {
  return {.name = "ram",
          .summary = "Adds what only one model changed as it is, and the mean of what several changed.",
          .formula = "B + sum Z_i / c, Z_i = D_i where |D_i| > epsilon, else 0, c how many are",
          .source = "arXiv 2601.13572",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"epsilon", 1e-5}},
          .lower = ram_mean};
}

MergeMethod ramplus_tl() {
  return {.name = "ramplus_tl",
          .summary = "As ram, and what only one model changed is made larger where it shares much with others.",
          .formula = "as of ram, with Z_i where c = 1 times 1 + r min(alpha, shared_i / unique_i)",
          .source = "arXiv 2601.13572",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"r", 0.1}, {"alpha", 0.2}, {"epsilon", 1e-5}},
          .lower = ram_rescaled};
}

}  // namespace brainsurgery::merging
