// Other sizes of dimensions: which elements make one of the result, and with which weights.
//
//   interpolate(positions, {{1, 24}, {2, 24}}, {.mode = Interpolation::Mode::bicubic})   // [1, 16, 16, 768] to [1, 24, 24, 768]
//
// The values are those of torch.nn.functional.interpolate without antialiasing.
#pragma once

#include <cstdint>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery {

struct Interpolation {
  enum class Mode : std::uint8_t { nearest, linear, bicubic } mode = Mode::linear;
  bool align_corners = false;  // not of nearest
};

// The elements of one dimension that make those of the result: for each of these, `taps` indices and weights.
struct Resampling {
  std::int64_t taps = 1;
  std::vector<std::int64_t> indices;  // [taps, size]
  std::vector<double> weights;        // the same; in float, rounded to it
};
// `from` and `to` are positive. Weights and places are computed in double, or as PyTorch does for float32 in float.
[[nodiscard]] Resampling resampling(std::int64_t from, std::int64_t to, const Interpolation& how, bool in_double);

struct Resize {
  int dim;
  std::int64_t size;
};
// Dimensions are resized from the last one to the first. Computed in float32, float64 in float64, and rounded once.
// Throws Error(plan): a dimension without elements, a dtype that is not floating (but for nearest).
[[nodiscard]] Expr interpolate(const Expr& base, const std::vector<Resize>& sizes, const Interpolation& how);

}  // namespace brainsurgery
