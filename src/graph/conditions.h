// What assertions and reports ask of values, as numbers that reductions make.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "brainsurgery/check.h"

namespace brainsurgery {

// a, b: one shape and dtype. Equality by value (0.0 equals -0.0, NaN equals nothing), or |a - b| <= eps everywhere.
[[nodiscard]] checks::Measured equal_values(const Expr& a, const Expr& b, std::optional<double> eps,
                                            std::string reason);
// |a| <= eps everywhere; without it, every element is zero.
[[nodiscard]] checks::Measured small_values(const Expr& a, std::optional<double> eps, std::string reason);

// The numbers that a TensorStatistics is made of; none where there are no statistics.
[[nodiscard]] std::vector<Expr> statistics_of(const Expr& expr);
[[nodiscard]] TensorStatistics statistics(std::span<const Number> numbers);

// Two tensors of one shape and dtype that are held against each other. With `eps`: elements may differ by at most it; a
// dtype that does not compute is compared as without.
struct ValueComparison {
  Expr a, b;
  std::optional<double> eps;
};
struct Difference {
  bool differs = false;  // by value (0.0 equals -0.0, NaN equals nothing), or by more than eps somewhere
  // The largest |a - b| in float64, where there is an eps and the dtype computes; NaN as soon as one element is. Equal
  // infinities are at distance 0.
  std::optional<double> max_abs;
};
// The number that it is made of.
[[nodiscard]] Expr difference_of(const ValueComparison& comparison);
[[nodiscard]] Difference difference(const ValueComparison& comparison, const Number& number);

}  // namespace brainsurgery
