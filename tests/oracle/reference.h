// What an expression means, computed the slow and obvious way: whole tensors, one ATen call per node, every result
// kept. Nothing is shared with the planner, the executor and the kernels, so that the two check each other.
//
//   std::vector<std::byte> expected = evaluate_reference(expr);
//
// dtypes: BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64; the half types are computed in float and rounded once
// (docs/arithmetic.md). Singular factors: by a full decomposition in double, equal to the program's but for rounding
// and, of the iteration, its error; of equal singular values any vectors. Random: uniform float32 and float64, and by counter, which is the program's
// own loop over the whole tensor. Anything else throws std::logic_error.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::testing {

// Whether results of an operation are not defined to the last bit by IEEE 754, so that those of other programs differ.
[[nodiscard]] bool is_approximate(const Operation& operation, DType dtype);

// All elements, packed, in row-major order. Approximate operations: the program's own loop over whole tensors, unless
// `only_aten` asks for ATen's.
[[nodiscard]] std::vector<std::byte> evaluate_reference(const Expr& expr, bool only_aten = false);

// Whether two packed tensors hold the same elements: bit for bit, except that any NaN equals any NaN.
[[nodiscard]] bool same_elements(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b);

// Whether a condition on values holds, element by element: see equal_values() and small_values() of graph/conditions.h.
[[nodiscard]] bool equal_by_reference(const Expr& a, const Expr& b, std::optional<double> eps);
[[nodiscard]] bool small_by_reference(const Expr& a, double eps);

}  // namespace brainsurgery::testing
