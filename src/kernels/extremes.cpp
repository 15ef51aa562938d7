// Minima and maxima, and where they are.
#include <limits>

#include "kernels/fold.h"
#include "kernels/keys.h"

namespace brainsurgery::kernels::reductions {
namespace {

template <typename Codec, bool kLeast, bool kEqualZeros>
struct Extreme {
  using Keys = Key<Codec, kLeast, kEqualZeros>;
  using Lane = typename Keys::Lane;
  using Word = std::int64_t;
  static constexpr Lane kStart = kLeast ? std::numeric_limits<Lane>::max() : std::numeric_limits<Lane>::min();

  BS_INLINE static Lane term(typename Codec::Storage a) { return Keys::of(a); }
  template <typename N>
  BS_INLINE static bool is_better(N a, N b) {
    return kLeast ? a < b : a > b;
  }
  BS_INLINE static Lane both(Lane a, Lane b) { return is_better(b, a) ? b : a; }
  BS_INLINE static Word merged(Word a, Word b) { return is_better(b, a) ? b : a; }
};

// For what is the same whatever the elements are.
template <bool kLeast>
using AnyExtreme = Extreme<NativeCodec<std::int64_t>, kLeast, false>;

template <bool kLeast>
void start(const Use&, const States& states) {
  start_all<AnyExtreme<kLeast>>(states);
}

template <bool kLeast>
void merge(const Use&, const States& into, const States& from) {
  merge_all<AnyExtreme<kLeast>>(into, from);
}

template <bool kLeast>
void add(const Use& use, const Range& range, const States& states) {
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    add_range<Extreme<Codec, kLeast, false>>(range, states, operand_of<typename Codec::Storage>(range));
  });
}

template <bool kLeast>
void finish(const Use& use, const States& states, void* out) {
  store_as_operand(use, states.count, out, [&](void* elements) {
    visit_codec(use.operands.front(), [&](auto codec) {
      using Codec = decltype(codec);
      const auto* words = words_of<std::int64_t>(states);
      auto* to = static_cast<typename Codec::Storage*>(elements);
      for (std::int64_t i = 0; i < states.count; ++i) to[i] = Key<Codec, kLeast, false>::element(words[i]);
    });
  });
}

// A state of two words: the best key and the place of the first element that has it. A later one has to be better.
template <typename Codec, bool kLeast>
struct FirstOfRows {
  using T = typename Codec::Storage;
  using Fold = Extreme<Codec, kLeast, true>;
  BS_INLINE static void run(std::int64_t* keys, std::int64_t* places, std::int64_t rows, std::int64_t n,
                            std::int64_t first, const T* elements) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const T* begin = elements + row * n;
      const auto best = folded<Fold>(n, begin);
      if (!Fold::is_better(static_cast<std::int64_t>(best), keys[row])) continue;
      std::int64_t i = 0;
      while (Fold::term(begin[i]) != best) ++i;
      keys[row] = best;
      places[row] = first + i;
    }
  }
};

template <typename Codec, bool kLeast>
struct FirstOfColumns {
  using T = typename Codec::Storage;
  using Fold = Extreme<Codec, kLeast, true>;
  BS_INLINE static void run(std::int64_t* keys, std::int64_t* places, std::int64_t n, std::int64_t columns,
                            std::int64_t first, const T* elements) {
    for (std::int64_t row = 0; row < n; ++row) {
      const T* begin = elements + row * columns;
      BS_NO_DEPENDENCE
      for (std::int64_t i = 0; i < columns; ++i) {
        const std::int64_t key = Fold::term(begin[i]);
        const bool better = Fold::is_better(key, keys[i]);
        keys[i] = better ? key : keys[i];
        places[i] = better ? first + row : places[i];
      }
    }
  }
};

std::int64_t two_words(const Use&) { return 2; }

template <bool kLeast>
void start_first(const Use&, const States& states) {
  start_all<AnyExtreme<kLeast>>(states);
  std::fill_n(words_of<std::int64_t>(states, 1), states.count, 0);
}

template <bool kLeast>
void add_first(const Use& use, const Range& range, const States& states) {
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    const auto* elements = operand_of<typename Codec::Storage>(range);
    auto* keys = words_of<std::int64_t>(states, 0);
    auto* places = words_of<std::int64_t>(states, 1);
    if (range.inner == 1) {
      return run_widest<FirstOfRows<Codec, kLeast>>(keys, places, range.outer, range.count, range.first, elements);
    }
    for (std::int64_t outer = 0; outer < range.outer; ++outer) {
      const std::int64_t at = outer * range.inner;
      run_widest<FirstOfColumns<Codec, kLeast>>(keys + at, places + at, range.count, range.inner, range.first,
                                                elements + at * range.count);
    }
  });
}

template <bool kLeast>
void merge_first(const Use&, const States& into, const States& from) {
  auto* keys = words_of<std::int64_t>(into, 0);
  auto* places = words_of<std::int64_t>(into, 1);
  const auto* other_keys = words_of<std::int64_t>(from, 0);
  const auto* other_places = words_of<std::int64_t>(from, 1);
  for (std::int64_t i = 0; i < into.count; ++i) {
    const bool same = other_keys[i] == keys[i];
    if (!AnyExtreme<kLeast>::is_better(other_keys[i], keys[i]) && !(same && other_places[i] < places[i])) continue;
    keys[i] = other_keys[i];
    places[i] = other_places[i];
  }
}

void finish_first(const Use&, const States& states, void* out) {
  std::copy_n(words_of<std::int64_t>(states, 1), states.count, static_cast<std::int64_t*>(out));
}

}  // namespace

const Loops kMinimum{one_word, start<true>, add<true>, merge<true>, finish<true>, {}, nullptr, true};
const Loops kMaximum{one_word, start<false>, add<false>, merge<false>, finish<false>, {}, nullptr, true};
const Loops kFirstMinimum{two_words, start_first<true>, add_first<true>, merge_first<true>, finish_first,
                           {},       nullptr,           true};
const Loops kFirstMaximum{two_words, start_first<false>, add_first<false>, merge_first<false>, finish_first,
                           {},       nullptr,           true};

}  // namespace brainsurgery::kernels::reductions
