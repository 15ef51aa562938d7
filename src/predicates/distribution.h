// The numbers that tell how elements are distributed, as tensors of one element each, all float64.
//
//   std::vector<Number> found = data.numbers(element_numbers(elements));
//
// `elements`: float64, of at least one element.
#pragma once

#include <cstdint>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery {

// In the order of ElementNumber; those from min on say nothing where an element is not finite. The squared deviation is
// the variance of all elements.
enum class ElementNumber : std::uint8_t { nan, finite, nonzero, min, max, mean, squared_deviation, l2 };
[[nodiscard]] std::vector<Expr> element_numbers(const Expr& elements);

// Of the finite elements alone, in this order.
enum class FiniteNumber : std::uint8_t { min, max, sum, l2 };
[[nodiscard]] std::vector<Expr> finite_numbers(const Expr& elements);
// The root of the sum of squares of their distances to `center`.
[[nodiscard]] Expr finite_distance(const Expr& elements, double center);

// int64 [bins]: how many elements lie in each of some equal bins from low to high. Of every dtype that computes. Throws
// Error(plan) for bins that there cannot be.
[[nodiscard]] Expr histogram_counts(const Expr& elements, std::int64_t bins, double low, double high);

}  // namespace brainsurgery
