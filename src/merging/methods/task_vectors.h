// Task vectors: the differences of models from their base (Ilharco et al., arXiv 2212.04089), made sparse, weighted, and
// added to the base again. Methods differ in how they choose what stays and in whether signs are elected.
#pragma once

#include <functional>
#include <vector>

#include "merging/merge_method.h"

namespace brainsurgery::merging {

// X_i - B.
[[nodiscard]] std::vector<Expr> differences(const MergeInputs& inputs);

enum class Election : std::uint8_t {
  none,
  by_sum,  // of the weighted values; a tie is + (Yadav et al., TIES, arXiv 2306.01708)
};
// B + lambda * sum w_i D_i, with `normalize` over sum w_i. With an election only what has the elected sign is added, and
// the divisor of an element is the sum of the weights of those. Parameters: weight, lambda, normalize.
[[nodiscard]] Expr with_differences(const MergeInputs& inputs, const std::vector<Expr>& differences, Election election);
// The base with lambda times what `mix` makes of the weighted differences; of vectors, which have no spectrum, their mean.
[[nodiscard]] Expr with_spectrum(const MergeInputs& inputs,
                                 const std::function<Expr(const std::vector<Expr>& weighted)>& mix);

// The values of the parameter `rescale`.
inline constexpr double kRescaleNone = 0, kRescaleDensity = 1, kRescaleL1 = 2;
// What is kept of a difference, multiplied by what `rescale` says.
[[nodiscard]] Expr rescaled(const MergeInputs& inputs, const Expr& difference, Expr kept, double density);
// The density of a model. Throws Error(plan) unless it is between 0 and 1.
[[nodiscard]] double density_of(const MergeInputs& inputs, std::size_t model);
// How many of the elements are a share of them.
[[nodiscard]] std::int64_t share_of(double share, const Expr& tensor);
// The magnitude that k elements reach.
[[nodiscard]] Expr kth_magnitude(const Expr& tensor, std::int64_t k);
[[nodiscard]] Expr zeros_like(const Expr& tensor);

}  // namespace brainsurgery::merging
