#include "planner/view.h"

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery {

View View::identity(const Shape& shape) {
  View view{shape, {}, shape};
  for (std::size_t i = 0; i < shape.size(); ++i) view.axes.push_back({0, 1, static_cast<int>(i)});
  return view;
}

bool View::is_identity() const { return in_shape == out_shape && *this == identity(in_shape); }

View View::through_slice(const Region& region, const Shape& base_shape) const {
  View view{base_shape, {}, out_shape};
  std::size_t kept = 0;
  for (const Region::Axis& part : region.axes) {
    if (part.dropped) {
      view.axes.push_back({part.start, 1, -1});
    } else {
      const Axis& axis = axes[kept++];
      view.axes.push_back({part.start + part.step * axis.start, part.step * axis.step, axis.out_dim});
    }
  }
  BS_CHECK(kept == axes.size() && view.axes.size() == base_shape.size());
  return view;
}

View View::through_permute(const std::vector<int>& order, const Shape& base_shape) const {
  View view{base_shape, std::vector<Axis>(axes.size()), out_shape};
  for (std::size_t i = 0; i < order.size(); ++i) view.axes[order[i]] = axes[i];
  return view;
}

View View::through_broadcast(const Shape& base_shape) const {
  View view{base_shape, {}, out_shape};
  const std::size_t added = axes.size() - base_shape.size();
  for (std::size_t i = 0; i < base_shape.size(); ++i) {
    const bool repeated = base_shape[i] == 1 && in_shape[added + i] != 1;
    view.axes.push_back(repeated ? Axis{0, 1, -1} : axes[added + i]);
  }
  return view;
}

bool StridedMap::repeats() const {
  constexpr std::int64_t kTimes = 4;
  std::int64_t times = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) times *= strides[i] == 0 ? shape[i] : 1;
  return times >= kTimes;
}

bool StridedMap::is_contiguous() const { return shape.empty() || (shape.size() == 1 && strides.front() == 1); }

StridedMap strided(const View& view) { return strided(view, row_major_strides(view.in_shape)); }

StridedMap strided(const View& view, const std::vector<std::int64_t>& in_strides) {
  if (std::ranges::find(view.out_shape, 0) != view.out_shape.end()) return {0, {0}, {1}};
  StridedMap map;
  std::vector<std::int64_t> strides(view.out_shape.size(), 0);
  for (std::size_t i = 0; i < view.axes.size(); ++i) {
    map.offset += view.axes[i].start * in_strides[i];
    if (view.axes[i].out_dim >= 0) strides[view.axes[i].out_dim] += view.axes[i].step * in_strides[i];
  }
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::int64_t size = view.out_shape[i];
    if (size == 1) continue;
    if (!map.shape.empty() && map.strides.back() == strides[i] * size) {
      map.shape.back() *= size;
      map.strides.back() = strides[i];
    } else {
      map.shape.push_back(size);
      map.strides.push_back(strides[i]);
    }
  }
  return map;
}

// Runs of dimensions along which the elements stand evenly apart are one dimension each; `other` must cut within runs
// only.
std::optional<std::vector<std::int64_t>> reshaped_strides(const Shape& shape, const std::vector<std::int64_t>& strides,
                                                          const Shape& other) {
  std::vector<std::int64_t> result(other.size(), 1);
  if (std::ranges::find(shape, 0) != shape.end()) return result;
  std::size_t next = other.size();  // dimensions of `other` from here on are done
  for (std::size_t end = shape.size(); end > 0;) {
    const std::int64_t step = strides[end - 1];
    std::int64_t count = shape[--end];
    while (end > 0 && (shape[end - 1] == 1 || strides[end - 1] == step * count)) count *= shape[--end];
    std::int64_t inner = 1;
    for (; next > 0 && (inner < count || other[next - 1] == 1); --next) {
      result[next - 1] = step * inner;
      inner *= other[next - 1];
    }
    if (inner != count) return std::nullopt;
  }
  return result;
}

}  // namespace brainsurgery
