// Elementwise operations by name, for tests that build expressions.
#pragma once

#include <optional>

#include "brainsurgery/expr.h"

namespace brainsurgery {

inline Expr scale(const Expr& base, double factor) { return map(operation("scale"), {base}, {.numbers = {factor}}); }
inline Expr clamp(const Expr& base, std::optional<double> low, std::optional<double> high) {
  return map(operation("clamp"), {base}, {.numbers = {low, high}});
}
inline Expr add(const Expr& a, const Expr& b) { return map(operation("add"), {a, b}); }
inline Expr subtract(const Expr& a, const Expr& b) { return map(operation("subtract"), {a, b}); }
inline Expr multiply(const Expr& a, const Expr& b) { return map(operation("multiply"), {a, b}); }

}  // namespace brainsurgery
