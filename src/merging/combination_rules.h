// How tensors that say one thing each become one: sums, with a share of the elements left out or signs elected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

enum class Pruning { none, magnitude, random };
enum class SignElection { none, total, frequency };

struct CombinationRule {
  Pruning pruning = Pruning::none;
  SignElection signs = SignElection::none;
  double density = 1;
  std::uint64_t seed = 0;
};

// Tensors of one shape and floating dtype with their weights. Each is pruned: the share `density` of the largest elements
// stays, or of random ones, divided by it (DARE, arXiv 2311.03099). With an election (TIES, arXiv 2306.01708) an element is
// the sum of those w T whose T have the sign of sum T, or most of them, over their number; else the sum of all.
// `label`: random choices follow from it and the seed.
[[nodiscard]] Expr combined(const std::vector<Expr>& tensors, const std::vector<double>& weights,
                            const CombinationRule& rule, const std::string& label);

}  // namespace brainsurgery::merging
