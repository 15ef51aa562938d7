// One tensor as a prompt shows it: what it is, how its elements are distributed, and a corner of them.
//
//   CornerPart corner = corner_of(info.shape, columns);
//   TensorValue values = run.value({alias, name, corner.slice, false, corner.count}).value();
//   tensor_view(title, profile, corner, values.values)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "brainsurgery/run.h"

namespace brainsurgery {

// The first rows and columns of the last two dimensions, at index 0 of those before.
struct CornerPart {
  std::string slice;  // of the tensor; empty: it has no dimensions
  std::int64_t rows = 0, columns = 0, count = 0;
  bool more_rows = false, more_columns = false;
};
[[nodiscard]] CornerPart corner_of(const Shape& shape, int terminal_columns);

// `title`: escaped already.
[[nodiscard]] std::string tensor_view(const std::string& title, const TensorProfile& profile, const CornerPart& corner,
                                      const std::vector<Number>& values);

// How many bins a histogram of so many elements has: the Rice rule, 2 n^(1/3), as far as a terminal has room.
[[nodiscard]] std::int64_t usual_bins(std::int64_t elements, int terminal_columns);
// The bins as columns of block characters, with the range below them.
[[nodiscard]] std::string histogram_view(const Histogram& histogram, int rows);

}  // namespace brainsurgery
