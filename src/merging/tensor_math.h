// Arithmetic on expressions, as the formulas of papers have it: base + 0.5 * (tuned - base). Operands have one floating
// dtype; shapes are broadcast.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

inline Expr operator+(Expr a, Expr b) { return map(operation("add"), {std::move(a), std::move(b)}); }
inline Expr operator-(Expr a, Expr b) { return map(operation("subtract"), {std::move(a), std::move(b)}); }
inline Expr operator*(Expr a, Expr b) { return map(operation("multiply"), {std::move(a), std::move(b)}); }
inline Expr operator*(double factor, Expr a) {
  return map(operation("scale"), {std::move(a)}, {.numbers = {factor}});
}

// A scalar. `value` is rounded to the dtype.
[[nodiscard]] Expr number(double value, DType dtype);
[[nodiscard]] inline Expr magnitude(Expr a) { return map(operation("abs"), {std::move(a)}); }
[[nodiscard]] inline Expr where(Expr condition, Expr a, Expr b) {
  return map(operation("where"), {std::move(condition), std::move(a), std::move(b)});
}
[[nodiscard]] inline Expr less(Expr a, Expr b) { return map(operation("less"), {std::move(a), std::move(b)}); }

// The sum of all products of elements, as float64. Axes that are given stay, with size 1.
[[nodiscard]] Expr dot(const Expr& a, const Expr& b, const std::vector<int>& axes = {});
// From left to right.
[[nodiscard]] Expr sum(const std::vector<Expr>& terms);

}  // namespace brainsurgery::merging
