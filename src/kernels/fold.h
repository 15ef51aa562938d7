// Reductions whose state is one word: a fold, which says what each element contributes and how two contributions
// become one.
//
//   struct Sum {
//     using Word = double;                              // the state
//     using Lane = double;                              // of a run of elements, while it is gone through
//     static constexpr Lane kStart = 0;
//     BS_INLINE static Lane term(stored elements...);   // of one element of each operand
//     BS_INLINE static Lane both(Lane a, Lane b);
//   };
//   add_range<Sum>(range, states, operands...)
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/element.h"
#include "kernels/reductions.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels::reductions {

// Makes one contribution of the elements [0, n).
template <typename Fold, typename... T>
BS_INLINE typename Fold::Lane folded(std::int64_t n, const T*... operands) {
  using Lane = typename Fold::Lane;
  constexpr int kLanes = kSumLanes * 8 / static_cast<int>(sizeof(Lane));
  alignas(64) std::array<Lane, kLanes> lanes;
  lanes.fill(Fold::kStart);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = Fold::both(lanes[lane], Fold::term(operands[i + lane]...));
  }
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] = Fold::both(lanes[lane], Fold::term(operands[i]...));
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) lanes[lane] = Fold::both(lanes[lane], lanes[lane + half]);
  }
  return lanes[0];
}

// Rows of n consecutive elements, one state each.
template <typename Fold, typename... T>
struct RowsLoop {
  BS_INLINE static void run(typename Fold::Word* states, std::int64_t rows, std::int64_t n, const T*... operands) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto found = folded<Fold>(n, (operands + row * n)...);
      states[row] = Fold::merged(states[row], static_cast<typename Fold::Word>(found));
    }
  }
};

// n rows of `columns` elements, a state for each column.
template <typename Fold, typename... T>
struct ColumnsLoop {
  BS_INLINE static void run(typename Fold::Word* states, std::int64_t n, std::int64_t columns, const T*... operands) {
    using Word = typename Fold::Word;
    for (std::int64_t row = 0; row < n; ++row) {
      const std::int64_t begin = row * columns;
      BS_NO_DEPENDENCE
      for (std::int64_t i = 0; i < columns; ++i) {
        states[i] = Fold::merged(states[i], static_cast<Word>(Fold::term(operands[begin + i]...)));
      }
    }
  }
};

template <typename Fold, typename... T>
void add_range(const Range& range, const States& states, const T*... operands) {
  auto* words = words_of<typename Fold::Word>(states);
  if (range.inner == 1) {
    run_widest<RowsLoop<Fold, T...>>(words, range.outer, range.count, operands...);
    return;
  }
  for (std::int64_t outer = 0; outer < range.outer; ++outer) {
    const std::int64_t begin = outer * range.count * range.inner;
    run_widest<ColumnsLoop<Fold, T...>>(words + outer * range.inner, range.count, range.inner, (operands + begin)...);
  }
}

template <typename Fold>
void start_all(const States& states) {
  std::fill_n(words_of<typename Fold::Word>(states), states.count, static_cast<typename Fold::Word>(Fold::kStart));
}

template <typename Fold>
void merge_all(const States& into, const States& from) {
  auto* a = words_of<typename Fold::Word>(into);
  const auto* b = words_of<typename Fold::Word>(from);
  for (std::int64_t i = 0; i < into.count; ++i) a[i] = Fold::merged(a[i], b[i]);
}

template <typename T>
const T* operand_of(const Range& range, std::size_t i = 0) {
  return static_cast<const T*>(range.operands[i]);
}

inline std::int64_t one_word(const Use&) { return 1; }

}  // namespace brainsurgery::kernels::reductions
