// What a run shows of a tensor beside its elements (brainsurgery/run.h): where it is from, how it looks from afar, how
// far it is from another one, and what a step would make of it.
//
// Plain values. A tensor is seen as a matrix: the first dimension by all others, one row where there is one dimension.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/delta.h"
#include "brainsurgery/types.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

struct TensorInfo {
  std::string name;
  // As messages write it: "float32", or the form of a tensor whose elements cannot be read.
  std::string dtype;
  Shape shape;
  bool readable = true;  // its elements are
  std::optional<std::int64_t> bytes;  // packed; nullopt unless readable

  friend bool operator==(const TensorInfo&, const TensorInfo&) = default;
};

// A tensor of a run.
struct TensorName {
  std::string alias, name;
};

// What a step would make of a tensor.
struct TensorChange {
  DeltaEntry entry;
  std::optional<TensorInfo> before, after;
};

// The file that has the elements, or the step that made them.
struct TensorOrigin {
  std::string file;         // a path; empty: a step made them
  std::int64_t offset = 0;  // bytes, of the first element in the file
  std::string maker;        // "scale"; empty: unknown
};

// Cells of a grid, each of which stands for a block of elements.
struct PictureQuery {
  std::string alias, name;
  std::int64_t rows = 128, columns = 128;  // of the grid, at most
};
struct TensorPicture {
  std::int64_t matrix_rows = 0, matrix_columns = 0;
  std::int64_t row_step = 1, column_step = 1;  // of a block; those at the end may be smaller
  std::int64_t rows = 0, columns = 0;          // of the grid
  // Of each cell, in row-major order: the largest magnitude and the mean, in float64. Empty where the elements do not
  // compute or there are none.
  std::vector<double> largest, mean;
};

// A block of a matrix; what lies beyond its end is left out.
struct BlockQuery {
  std::string alias, name;
  std::int64_t row = 0, column = 0;
  std::int64_t rows = 12, columns = 8;
};

struct TensorBlock {
  std::int64_t rows = 0, columns = 0;
  std::vector<Number> values;  // row-major; none of dtypes that do not compute
};

// Euclidean, in float64.
struct TensorDistance {
  double distance = 0;   // the norm of b - a
  double norm = 0;       // of a
};

}  // namespace brainsurgery
