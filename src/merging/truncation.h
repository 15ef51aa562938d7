// A matrix as a product of low rank: the largest singular directions, as many as are allowed and as are needed.
//
// How many are needed is known once the elements are; shapes are known before. So there are always `rank` directions,
// of which those that are not needed are zero.
#pragma once

#include <optional>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

struct RankChoice {
  std::int64_t rank = 16;
  std::optional<double> energy = {};     // the share of the sum of squares to keep
  std::optional<double> threshold = {};  // singular values above it are kept
  SingularMethod method = SingularMethod::automatic;

  [[nodiscard]] bool depends_on_values() const { return energy || threshold; }
};

// Of a matrix [m, n]; each factor takes the square roots of the singular values.
struct Truncated {
  Expr a, b;  // [r, n] and [m, r], F64: b @ a is near the matrix
  // The sums of the squares of the matrix and of what the product keeps of it, and the number of directions that are kept.
  Expr total, kept, count;
};
[[nodiscard]] Truncated truncated(const Expr& matrix, const RankChoice& choice);

}  // namespace brainsurgery::merging
