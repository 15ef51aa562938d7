// The general copy reduces a box to few dimensions and one of three inner loops: whole runs, a transpose in blocks that
// fit the first-level cache, or a strided row.
#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/element.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

struct Axis {
  std::int64_t count;
  std::int64_t from;  // strides in elements
  std::int64_t to;
};

std::int64_t magnitude(std::int64_t stride) { return stride < 0 ? -stride : stride; }

// The box's axes, outermost in the target first, without those of one element, neighbours that run on into each other
// joined.
std::vector<Axis> reduced_axes(const StridedBox& box) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < box.shape.size(); ++i) {
    if (box.shape[i] != 1) axes.push_back({box.shape[i], box.from_strides[i], box.to_strides[i]});
  }
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return magnitude(a.to) > magnitude(b.to); });
  std::vector<Axis> joined;
  for (const Axis& axis : axes) {
    if (!joined.empty() && joined.back().from == axis.from * axis.count && joined.back().to == axis.to * axis.count) {
      joined.back() = {joined.back().count * axis.count, axis.from, axis.to};
    } else {
      joined.push_back(axis);
    }
  }
  return joined;
}

template <typename T>
struct RowLoop {
  BS_INLINE static void run(const T* from, T* to, std::int64_t from_stride, std::int64_t to_stride, std::int64_t n) {
    if (from_stride == 1 && to_stride == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
    } else if (from_stride == 0 && to_stride == 1) {
      std::fill_n(to, n, T(*from));  // a copy, which the stores cannot change
    } else if (to_stride == 1) {
      BS_NO_DEPENDENCE
      for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * from_stride];
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
    }
  }
};

// A vector of 16 bytes, by the extension that gcc and clang share.
template <typename T>
struct Lanes {
  static constexpr int kCount = 16 / sizeof(T);
  typedef T Vector __attribute__((vector_size(16)));

  BS_INLINE static Vector load(const T* from) {
    Vector out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  // a0 b0 a1 b1 ...: the lower halves in turn, or the upper ones.
  template <int kStart, int... kLane>
  BS_INLINE static Vector interleave(Vector a, Vector b, std::integer_sequence<int, kLane...>) {
    return __builtin_shufflevector(a, b, (kStart + kLane / 2 + (kLane % 2) * kCount)...);
  }
};

// to[r * to_stride + c] = from[c * from_stride + r] for a square of as many rows as a vector has lanes. Each round
// interleaves the first half of the vectors with the second; after log2(lanes) rounds rows are columns.
template <typename T>
BS_INLINE void transpose_square(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  using L = Lanes<T>;
  constexpr int kSide = L::kCount;
  constexpr std::make_integer_sequence<int, kSide> kSequence;
  typename L::Vector rows[kSide], next[kSide];
  for (int c = 0; c < kSide; ++c) rows[c] = L::load(from + c * from_stride);
  for (int round = 1; round < kSide; round *= 2) {
    for (int i = 0; i < kSide / 2; ++i) {
      next[2 * i] = L::template interleave<0>(rows[i], rows[i + kSide / 2], kSequence);
      next[2 * i + 1] = L::template interleave<kSide / 2>(rows[i], rows[i + kSide / 2], kSequence);
    }
    for (int i = 0; i < kSide; ++i) rows[i] = next[i];
  }
  for (int r = 0; r < kSide; ++r) std::memcpy(to + r * to_stride, &rows[r], sizeof rows[r]);
}

template <typename T>
struct TransposeLoop {
  static constexpr int kSide = Lanes<T>::kCount;
  static constexpr std::int64_t kBlockRows = 256 / sizeof(T);     // along the source's runs: four cache lines
  static constexpr std::int64_t kBlockColumns = 128 / sizeof(T);  // along the target's

  // `rows` run along the source, `columns` along the target.
  BS_INLINE static void run(const T* from, T* to, std::int64_t from_stride, std::int64_t to_stride, std::int64_t rows,
                            std::int64_t columns) {
    for (std::int64_t r0 = 0; r0 < rows; r0 += kBlockRows) {
      const std::int64_t r1 = std::min(rows, r0 + kBlockRows);
      for (std::int64_t c0 = 0; c0 < columns; c0 += kBlockColumns) {
        const std::int64_t c1 = std::min(columns, c0 + kBlockColumns);
        block(from + c0 * from_stride + r0, from_stride, to + r0 * to_stride + c0, to_stride, r1 - r0, c1 - c0);
      }
    }
  }

  // Strides are often multiples of 4 KB, so that lines of different rows push each other out of the cache. Every line
  // is touched once: what is between happens in packed copies.
  BS_INLINE static void block(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride, std::int64_t rows,
                              std::int64_t columns) {
    alignas(64) T source[kBlockColumns * kBlockRows];
    alignas(64) T target[kBlockRows * kBlockColumns];
    const std::int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
    for (std::int64_t c = 0; c < whole_columns; ++c)
      copy_run<kBlockRows>(from + c * from_stride, source + c * kBlockRows, whole_rows);
    for (std::int64_t r = 0; r < whole_rows; r += kSide) {
      for (std::int64_t c = 0; c < whole_columns; c += kSide)
        transpose_square<T>(source + c * kBlockRows + r, kBlockRows, target + r * kBlockColumns + c, kBlockColumns);
    }
    for (std::int64_t r = 0; r < whole_rows; ++r)
      copy_run<kBlockColumns>(target + r * kBlockColumns, to + r * to_stride, whole_columns);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c)
        to[r * to_stride + c] = from[c * from_stride + r];
    }
  }

  // n: a multiple of kSide, mostly kUsual.
  template <std::int64_t kUsual>
  BS_INLINE static void copy_run(const T* from, T* to, std::int64_t n) {
    if (n == kUsual) {
      std::memcpy(to, from, kUsual * sizeof(T));
    } else {
      for (std::int64_t i = 0; i < n; i += kSide) std::memcpy(to + i, from + i, kSide * sizeof(T));
    }
  }
};

// Calls `inner` for every position of the axes before the last `inner_axes`.
template <typename T, typename Inner>
void for_each_outer(const std::vector<Axis>& axes, std::size_t outer, const T* from, T* to, const Inner& inner) {
  std::vector<std::int64_t> index(outer, 0);
  while (true) {
    inner(from, to);
    std::size_t axis = outer;
    while (axis > 0) {
      --axis;
      from += axes[axis].from;
      to += axes[axis].to;
      if (++index[axis] < axes[axis].count) break;
      from -= axes[axis].from * axes[axis].count;
      to -= axes[axis].to * axes[axis].count;
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (outer == 0) return;
  }
}

template <typename T>
void copy_axes(std::vector<Axis> axes, const T* from, T* to) {
  if (axes.empty()) axes.push_back({1, 1, 1});
  const Axis last = axes.back();
  const auto run = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.from == 1; });
  if (last.to == 1 && last.from != 1 && last.from != 0 && run != axes.end()) {
    const Axis rows = *run;
    axes.erase(run);
    for_each_outer(axes, axes.size() - 1, from, to, [&](const T* source, T* target) {
      run_widest<TransposeLoop<T>>(source, target, last.from, rows.to, rows.count, last.count);
    });
    return;
  }
  for_each_outer(axes, axes.size() - 1, from, to, [&](const T* source, T* target) {
    run_widest<RowLoop<T>>(source, target, last.from, last.to, last.count);
  });
}

// Elements as pairs along one more axis.
struct OwnedBox {
  std::vector<std::int64_t> shape, from_strides, to_strides;
  [[nodiscard]] StridedBox view() const { return {shape, from_strides, to_strides}; }
};

OwnedBox box_of_halves(const StridedBox& box) {
  OwnedBox pairs;
  for (std::size_t i = 0; i < box.shape.size(); ++i) {
    pairs.shape.push_back(box.shape[i]);
    pairs.from_strides.push_back(2 * box.from_strides[i]);
    pairs.to_strides.push_back(2 * box.to_strides[i]);
  }
  pairs.shape.push_back(2);
  pairs.from_strides.push_back(1);
  pairs.to_strides.push_back(1);
  return pairs;
}

}  // namespace

void copy_strided(const void* from, void* to, std::int64_t item_bytes, const StridedBox& box) {
  BS_CHECK(box.shape.size() == box.from_strides.size() && box.shape.size() == box.to_strides.size());
  if (std::find(box.shape.begin(), box.shape.end(), 0) != box.shape.end()) return;
  const auto copy = [&]<typename T>(T) {
    copy_axes(reduced_axes(box), static_cast<const T*>(from), static_cast<T*>(to));
  };
  switch (item_bytes) {
    case 1:
      return copy(std::uint8_t{});
    case 2:
      return copy(std::uint16_t{});
    case 4:
      return copy(std::uint32_t{});
    case 8:
      return copy(std::uint64_t{});
    case 16:
      return copy_strided(from, to, 8, box_of_halves(box).view());
    default:
      fail_check("elements have 1, 2, 4, 8 or 16 bytes", __FILE__, __LINE__);
  }
}

}  // namespace brainsurgery::kernels
