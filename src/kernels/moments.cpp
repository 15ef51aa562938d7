// Variances: the mean and the sum of squared distances from it, of one range after another. Ranges are joined as by
// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979), so that
// nothing is lost where the mean is large.
#include <array>
#include <cmath>

#include "brainsurgery/error.h"
#include "kernels/fold.h"
#include "kernels/joint_sums.h"

namespace brainsurgery::kernels::reductions {
namespace {

// The words of a state.
struct Moments {
  double count, mean, squares;

  BS_INLINE Moments with(const Moments& other) const {
    if (count == 0) return other;
    const double all = count + other.count;
    const double distance = other.mean - mean;
    return {all, mean + distance * (other.count / all),
            squares + other.squares + distance * distance * (count * (other.count / all))};
  }
};

struct Words {
  double *count, *mean, *squares;

  [[nodiscard]] BS_INLINE Moments at(std::int64_t i) const { return {count[i], mean[i], squares[i]}; }
  BS_INLINE void put(std::int64_t i, const Moments& moments) const {
    count[i] = moments.count;
    mean[i] = moments.mean;
    squares[i] = moments.squares;
  }
};

Words words(const States& states) {
  return {words_of<double>(states, 0), words_of<double>(states, 1), words_of<double>(states, 2)};
}

template <typename Codec>
BS_INLINE double value_of(typename Codec::Storage stored) {
  return static_cast<double>(Codec::decode(stored));
}

// Sums of terms in lanes, as folded() does. Ranges that are added follow each other; all but the last are whole lanes.
struct Lanes {
  alignas(64) std::array<double, kSumLanes> lanes{};

  template <typename T, typename Term>
  BS_INLINE void add(const T* elements, std::int64_t n, Term term) {
    std::int64_t i = 0;
    for (; i + kSumLanes <= n; i += kSumLanes) {
      for (int lane = 0; lane < kSumLanes; ++lane) lanes[lane] += term(elements[i + lane]);
    }
    for (int lane = 0; i < n; ++i, ++lane) lanes[lane] += term(elements[i]);
  }
  BS_INLINE double total() {
    for (int half = kSumLanes / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  }
};

BS_INLINE double square(double value) { return value * value; }

// The sum of the elements and that of their squares. They are converted once, a block at a time: the compiler makes
// vectors of one sum at a time only.
template <typename Codec>
BS_INLINE void add_sums(const typename Codec::Storage* elements, std::int64_t n, Lanes& sums, Lanes& squares) {
  constexpr std::int64_t kBlock = 32 * kSumLanes;
  alignas(64) std::array<double, kBlock> values;
  for (std::int64_t at = 0; at < n; at += kBlock) {
    const std::int64_t count = std::min(kBlock, n - at);
    for (std::int64_t i = 0; i < count; ++i) values[i] = value_of<Codec>(elements[at + i]);
    sums.add(values.data(), count, [](double value) __attribute__((always_inline)) { return value; });
    squares.add(values.data(), count, [](double value) __attribute__((always_inline)) { return square(value); });
  }
}

// The states of rows that are added to; nullptr: not wanted.
struct RowSums {
  double *sum, *squares;
  Words spread;
};

// Of rows of n consecutive elements.
template <typename Codec, bool kSquares, bool kSpread>
struct RowSumsLoop {
  using T = typename Codec::Storage;
  BS_INLINE static void run(RowSums to, std::int64_t rows, std::int64_t n, const T* elements) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const T* begin = elements + row * n;
      Lanes sums, squares;
      if constexpr (kSquares) add_sums<Codec>(begin, n, sums, squares);
      else sums.add(begin, n, [](T a) __attribute__((always_inline)) { return value_of<Codec>(a); });
      const double sum = sums.total();
      if (to.sum != nullptr) to.sum[row] += sum;
      if constexpr (kSquares) to.squares[row] += squares.total();
      if constexpr (kSpread) to.spread.put(row, to.spread.at(row).with(spread(begin, n, sum)));
    }
  }
  BS_INLINE static Moments spread(const T* elements, std::int64_t n, double sum) {
    const auto count = static_cast<double>(n);
    const double mean = sum / count;
    Lanes squares;
    squares.add(elements, n, [mean](T a) __attribute__((always_inline)) { return square(value_of<Codec>(a) - mean); });
    return {count, mean, squares.total()};
  }
};

template <typename Codec>
struct ColumnMoments {
  using T = typename Codec::Storage;
  static constexpr std::int64_t kColumns = 512;  // at a time
  BS_INLINE static void run(Words words, std::int64_t n, std::int64_t columns, const T* elements) {
    const auto count = static_cast<double>(n);
    for (std::int64_t first = 0; first < columns; first += kColumns) {
      const std::int64_t some = std::min(kColumns, columns - first);
      alignas(64) std::array<double, kColumns> mean{}, squares{};
      for (std::int64_t row = 0; row < n; ++row) {
        const T* begin = elements + row * columns + first;
        for (std::int64_t i = 0; i < some; ++i) mean[i] += value_of<Codec>(begin[i]);
      }
      for (std::int64_t i = 0; i < some; ++i) mean[i] /= count;
      for (std::int64_t row = 0; row < n; ++row) {
        const T* begin = elements + row * columns + first;
        for (std::int64_t i = 0; i < some; ++i) {
          const double distance = value_of<Codec>(begin[i]) - mean[i];
          squares[i] += distance * distance;
        }
      }
      for (std::int64_t i = 0; i < some; ++i) {
        words.put(first + i, words.at(first + i).with({count, mean[i], squares[i]}));
      }
    }
  }
};

std::int64_t three_words(const Use&) { return 3; }

template <typename Codec, bool kSquares, bool kSpread>
void add_rows(const RowSums& to, const Range& range) {
  run_widest<RowSumsLoop<Codec, kSquares, kSpread>>(to, range.outer, range.count,
                                                    operand_of<typename Codec::Storage>(range));
}

void start(const Use&, const States& states) {
  const Words all = words(states);
  for (std::int64_t i = 0; i < states.count; ++i) all.put(i, {0, 0, 0});
}

void add(const Use& use, const Range& range, const States& states) {
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    if constexpr (std::floating_point<typename Codec::Compute>) {
      const auto* elements = operand_of<typename Codec::Storage>(range);
      if (range.inner == 1) return add_rows<Codec, false, true>({nullptr, nullptr, words(states)}, range);
      for (std::int64_t outer = 0; outer < range.outer; ++outer) {
        const std::int64_t at = outer * range.inner;
        const Words all = words(states);
        run_widest<ColumnMoments<Codec>>(Words{all.count + at, all.mean + at, all.squares + at}, range.count,
                                         range.inner, elements + at * range.count);
      }
    } else {
      fail_check("a variance is of floats", __FILE__, __LINE__);
    }
  });
}

void merge(const Use&, const States& into, const States& from) {
  const Words a = words(into), b = words(from);
  for (std::int64_t i = 0; i < into.count; ++i) a.put(i, a.at(i).with(b.at(i)));
}

double variance(const Use& use, double squares) {
  return squares / std::max(0.0, static_cast<double>(use.count) - *use.parameters.numbers[0]);
}

void finish_variance(const Use& use, const States& states, void* out) {
  const double* squares = words(states).squares;
  for (std::int64_t i = 0; i < states.count; ++i) store_rounded(variance(use, squares[i]), use.dtype, out, i);
}

void finish_deviation(const Use& use, const States& states, void* out) {
  const double* squares = words(states).squares;
  for (std::int64_t i = 0; i < states.count; ++i) {
    store_rounded(std::sqrt(variance(use, squares[i])), use.dtype, out, i);
  }
}

}  // namespace

const Loops kVariance{three_words, start, add, merge, finish_variance};
const Loops kDeviation{three_words, start, add, merge, finish_deviation};

}  // namespace brainsurgery::kernels::reductions

namespace brainsurgery::kernels {

namespace loops = reductions;

std::optional<JointSum> joint_sum(const Reducer& reducer, const Reducer::Use& use) {
  if (!is_floating(use.operands.front())) return std::nullopt;
  if (reducer.add == loops::kSum.add) return JointSum::sum;
  if (reducer.add == loops::kVariance.add) return JointSum::spread;
  if (reducer.add == loops::kNorm.add && *use.parameters.numbers[0] == 2) return JointSum::squares;
  return std::nullopt;
}

void add_jointly(std::span<const JointPart> parts, const Reducer::Range& range) {
  loops::RowSums to{nullptr, nullptr, {nullptr, nullptr, nullptr}};
  bool spread = false;
  for (const auto& [reducer, use, states] : parts) {
    if (range.inner != 1) {
      reducer->add(use, range, states);
      continue;
    }
    const JointSum kind = *joint_sum(*reducer, use);
    if (kind == JointSum::sum) to.sum = loops::words_of<double>(states);
    if (kind == JointSum::squares) to.squares = loops::words_of<double>(states);
    if (kind == JointSum::spread) to.spread = loops::words(states);
    spread = spread || kind == JointSum::spread;
  }
  if (range.inner != 1) return;
  visit_codec(parts.front().use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    if constexpr (std::floating_point<typename Codec::Compute>) {
      if (to.squares == nullptr) return loops::add_rows<Codec, false, true>(to, range);
      if (spread) return loops::add_rows<Codec, true, true>(to, range);
      loops::add_rows<Codec, true, false>(to, range);
    } else {
      fail_check("sums of floats", __FILE__, __LINE__);
    }
  });
}

}  // namespace brainsurgery::kernels
