// Which element of a tensor stands at each place of a result: basic indexing, permutation and broadcasting as one map.
//
// The tensor's elements are numbered in row-major order of `in_shape`, which may be any shape with its element count: a
// reshape changes the numbering's shape, not the numbers. Element i of the result (row-major in `out_shape`) is the
// tensor's element with index start + step * i[out_dim] along each dimension of in_shape.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "brainsurgery/types.h"

namespace brainsurgery {

struct View {
  struct Axis {
    std::int64_t start = 0;
    std::int64_t step = 1;
    int out_dim = -1;  // -1: fixed at start

    friend bool operator==(const Axis&, const Axis&) = default;
  };
  Shape in_shape;
  std::vector<Axis> axes;  // one per dimension of in_shape
  Shape out_shape;

  // All elements in order.
  [[nodiscard]] static View identity(const Shape& shape);
  [[nodiscard]] bool is_identity() const;

  // The same result seen through a slice of `base_shape`, a permutation or a broadcast; in_shape must be their result's
  // shape.
  [[nodiscard]] View through_slice(const Region& region, const Shape& base_shape) const;
  [[nodiscard]] View through_permute(const std::vector<int>& order, const Shape& base_shape) const;
  [[nodiscard]] View through_broadcast(const Shape& base_shape) const;

  friend bool operator==(const View&, const View&) = default;
};

// A view as offset and strides in elements, dimensions of size 1 dropped and neighbours joined where possible. Without
// elements: shape [0], contiguous.
struct StridedMap {
  std::int64_t offset = 0;
  Shape shape;
  std::vector<std::int64_t> strides;

  [[nodiscard]] bool is_contiguous() const;
  // Whether each element that it reads stands in many places: the scale of a row, a bias.
  [[nodiscard]] bool repeats() const;
};
[[nodiscard]] StridedMap strided(const View& view);
// The same where the tensor's elements stand `in_strides` apart along the dimensions of in_shape, instead of packed.
[[nodiscard]] StridedMap strided(const View& view, const std::vector<std::int64_t>& in_strides);

// Strides by which the elements that stand `strides` apart in `shape` are found as elements of `other`, a shape with
// the same element count; nullopt where no strides do that.
[[nodiscard]] std::optional<std::vector<std::int64_t>> reshaped_strides(const Shape& shape,
                                                                        const std::vector<std::int64_t>& strides,
                                                                        const Shape& other);

}  // namespace brainsurgery
