// Ranges of a strided map: which boxes of elements a linear range of its result covers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "planner/view.h"

namespace brainsurgery {

// Calls visit(box) for boxes of `map` that together cover the elements [begin, end) of its result, in order. There are
// at most two boxes per dimension and one in the middle.
template <typename Visit>
void for_each_box(const StridedMap& map, std::int64_t begin, std::int64_t end, const Visit& visit) {
  if (begin >= end) return;
  if (map.shape.empty()) {
    visit(StridedMap{map.offset, {1}, {1}});
    return;
  }
  std::int64_t inner = 1;
  for (std::size_t i = 1; i < map.shape.size(); ++i) inner *= map.shape[i];
  const StridedMap row{0, {map.shape.begin() + 1, map.shape.end()}, {map.strides.begin() + 1, map.strides.end()}};
  const auto row_at = [&](std::int64_t index) {
    StridedMap at = row;
    at.offset = map.offset + index * map.strides.front();
    return at;
  };
  std::int64_t first = begin / inner;
  if (begin % inner != 0) {
    const std::int64_t stop = std::min(end, (first + 1) * inner);
    for_each_box(row_at(first), begin - first * inner, stop - first * inner, visit);
    begin = stop;
    ++first;
  }
  const std::int64_t last = end / inner;
  if (first < last) {
    StridedMap box{map.offset + first * map.strides.front(), map.shape, map.strides};
    box.shape.front() = last - first;
    visit(box);
    begin = last * inner;
  }
  if (begin < end) for_each_box(row_at(begin / inner), 0, end - begin, visit);
}

// Calls visit(first, stride, count) for the runs along the last dimension of a box, in order.
template <typename Visit>
void for_each_run(const StridedMap& box, const Visit& visit) {
  std::int64_t runs = 1;
  for (std::size_t i = 0; i + 1 < box.shape.size(); ++i) runs *= box.shape[i];
  if (box.shape.back() == 0) return;
  for (std::int64_t run = 0; run < runs; ++run) {
    std::int64_t first = box.offset, rest = run;
    for (std::size_t i = box.shape.size() - 1; i-- > 0; rest /= box.shape[i])
      first += rest % box.shape[i] * box.strides[i];
    visit(first, box.strides.back(), box.shape.back());
  }
}

// For a map whose places grow with the index: the first index whose place is at or after `place`; the number of
// elements where there is none.
[[nodiscard]] inline std::int64_t first_at_or_after(const StridedMap& map, std::int64_t place) {
  std::int64_t index = 0;
  std::int64_t rest = place - map.offset;
  std::int64_t inner = 1;
  for (const std::int64_t size : map.shape) inner *= size;
  if (map.shape.empty()) return rest <= 0 ? 0 : 1;
  for (std::size_t i = 0; i < map.shape.size(); ++i) {
    if (rest <= 0) return index;
    inner /= map.shape[i];
    const std::int64_t at = rest / map.strides[i];
    if (at >= map.shape[i]) return index + map.shape[i] * inner;
    index += at * inner;
    rest -= at * map.strides[i];
  }
  return rest <= 0 ? index : index + 1;
}

}  // namespace brainsurgery
