// What several steps ask of the tensors that they are given.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "brainsurgery/error.h"
#include "brainsurgery/expr.h"

namespace brainsurgery {

// From the end if negative. Throws Error(plan) where there is no such dimension.
[[nodiscard]] inline int resolve_dim(std::int64_t dim, const Shape& shape) {
  const std::int64_t rank = std::ssize(shape);
  const std::int64_t resolved = dim < 0 ? dim + rank : dim;
  if (resolved < 0 || resolved >= rank)
    throw Error(ErrorCode::plan, fmt::format("dim {} is out of range for shape {}", dim, to_string(shape)));
  return static_cast<int>(resolved);
}

// Elements start .. start + count - 1 along a dimension.
[[nodiscard]] inline Expr part_along(const Expr& base, int dim, std::int64_t start, std::int64_t count) {
  Region region;
  for (const std::int64_t size : base.shape()) region.axes.push_back({0, size, 1, false});
  region.axes[static_cast<std::size_t>(dim)].start = start;
  region.axes[static_cast<std::size_t>(dim)].count = count;
  return slice(base, std::move(region));
}

// What tensors of a floating dtype are computed in.
[[nodiscard]] inline DType computing_dtype(DType dtype) { return dtype == DType::F64 ? DType::F64 : DType::F32; }

// `what`: "a mean".
inline void require_floating(const Expr& expr, std::string_view what) {
  if (is_floating(expr.dtype()) && info(expr.dtype()).computes) return;
  throw Error(ErrorCode::plan, fmt::format("{} is not defined for dtype {}; cast to a floating dtype first", what,
                                           to_string(expr.dtype())));
}

}  // namespace brainsurgery
