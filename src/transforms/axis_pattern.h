// Arrangements of dimensions in the notation of einops: text to an immutable pattern, every part with its place.
//
//   const AxisPattern pattern = parse_axis_pattern({"(h two d) x -> (h d two) x", "rearrange.pattern", span});
//   check_sizes(pattern, {{"h", 4}, {"two", 2}});
//   const Arrangement steps = arrange(pattern, sizes, {32, 5});
//   steps.split;   // [4, 2, 4, 5]
//
// Grammar:
//
//   pattern   = side "->" side
//   side      = { dimension }
//   dimension = axis | "..." | "(" { axis } ")"     in parentheses on the right "..." is an axis, too
//   axis      = NAME | INTEGER                      on the left 1 is the only integer
//
// Everything here throws Error(plan) at the mistake.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "brainsurgery/types.h"
#include "formula/formula.h"

namespace brainsurgery {

struct AxisPattern {
  struct Axis {
    std::string name;       // empty: a number, or the ellipsis
    std::int64_t size = 1;  // of a number
    bool is_ellipsis = false;
    TextRange place = {};
  };
  struct Dimension {  // its size is the product of those of its axes
    std::vector<Axis> axes;
    bool in_parentheses = false;
    TextRange place = {};
  };
  FormulaText text;
  std::vector<Dimension> left, right;
};

// The size of an axis as the plan gives it.
struct AxisSize {
  std::string name;
  std::int64_t size = 0;
  std::string field = {};  // starts messages: "rearrange.sizes.h"
  SourceSpan place = {};
};

// How to arrange the elements: reshape to `split`, permute by `order`, reshape to `spaced`, broadcast to `repeated`,
// reshape to `joined`.
struct Arrangement {
  Shape split;
  std::vector<int> order;
  Shape spaced, repeated, joined;
};

// Refuses names that stand on the left alone and names that one side has twice.
[[nodiscard]] AxisPattern parse_axis_pattern(FormulaText text);

// Refuses sizes of names that the pattern does not have, and dimensions of the left with several axes of unknown size.
void check_sizes(const AxisPattern& pattern, const std::vector<AxisSize>& sizes);

// `sizes` have been checked. Refuses shapes that the left side does not describe.
[[nodiscard]] Arrangement arrange(const AxisPattern& pattern, const std::vector<AxisSize>& sizes, const Shape& shape);

}  // namespace brainsurgery
