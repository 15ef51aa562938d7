// The elements that would stand at given places if all were sorted: order statistics, and values between two of them.
//
// Rows that come at once are partitioned. Longer ones are gone through once for every 16 bits of a key, from the
// highest: of the elements that agree with the wanted one in the bits before, a pass counts how often each value of the
// next ones occurs. Nothing is sorted, and equal elements need not be told apart.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "brainsurgery/error.h"
#include "kernels/keys.h"
#include "kernels/reductions.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels::reductions {
namespace {

constexpr int kDigitBits = 16;
constexpr std::int64_t kDigits = std::int64_t{1} << kDigitBits;
constexpr int kMostPlaces = 2;

// NaN stands behind everything else, as in torch.sort.
template <typename Codec>
using SortKey = Key<Codec, false, false>;
template <typename Codec>
using Bits = std::make_unsigned_t<typename SortKey<Codec>::Lane>;

// In the order of the keys.
template <typename Codec>
BS_INLINE Bits<Codec> bits_of(typename Codec::Storage stored) {
  using Lane = typename SortKey<Codec>::Lane;
  return static_cast<Bits<Codec>>(static_cast<Bits<Codec>>(SortKey<Codec>::of(stored)) ^
                                  static_cast<Bits<Codec>>(std::numeric_limits<Lane>::min()));
}
template <typename Codec>
std::int64_t word_of(std::uint64_t bits) {
  using Lane = typename SortKey<Codec>::Lane;
  return static_cast<Lane>(static_cast<Bits<Codec>>(bits) ^ static_cast<Bits<Codec>>(std::numeric_limits<Lane>::min()));
}

// The places that are wanted, from 0, and how far the result lies between them.
struct Places {
  int count;
  std::array<std::int64_t, kMostPlaces> at;
  double share;
};
using PlacesOf = Places (*)(const Use& use);

Places of_largest(const Use& use) {
  return {1, {use.count - static_cast<std::int64_t>(*use.parameters.numbers[0])}, 0};
}
Places of_median(const Use& use) { return {1, {(use.count - 1) / 2}, 0}; }
Places of_quantile(const Use& use) {
  const double at = *use.parameters.numbers[0] * static_cast<double>(use.count - 1);
  const auto below = static_cast<std::int64_t>(at);
  return {2, {below, std::min(below + 1, use.count - 1)}, at - static_cast<double>(below)};
}

bool comes_at_once(const Use& use) { return use.count <= Reducer::kWholeRow; }

int digits_of(const Use& use) {
  return visit_codec(use.operands.front(),
                     [](auto codec) { return static_cast<int>(sizeof(Bits<decltype(codec)>) * 8 / kDigitBits); });
}

// The words of a state that stay from pass to pass: how many digits are known, and of each place the bits so far and
// its place among the elements that have them. Behind them are the counts of one pass, of each place.
constexpr std::int64_t kKnownDigits = 0, kHasNan = 1, kPlaceWords = 2;
constexpr std::int64_t kKept = kPlaceWords + 2 * kMostPlaces;

struct State {
  std::int64_t* words;
  std::int64_t stride;

  [[nodiscard]] std::int64_t& at(std::int64_t word) const { return words[word * stride]; }
  [[nodiscard]] std::int64_t& bits(int place) const { return at(kPlaceWords + 2 * place); }
  [[nodiscard]] std::int64_t& rest(int place) const { return at(kPlaceWords + 2 * place + 1); }
  [[nodiscard]] std::int64_t& counted(int place, std::int64_t digit) const {
    return at(kKept + place * kDigits + digit);
  }
};

State state_at(const States& states, std::int64_t i) { return {words_of<std::int64_t>(states) + i, states.stride}; }

template <PlacesOf kPlaces>
std::int64_t words(const Use& use) {
  return kKept + (comes_at_once(use) ? 0 : kPlaces(use).count * kDigits);
}

int passes(const Use& use) { return comes_at_once(use) ? 1 : digits_of(use); }

template <PlacesOf kPlaces>
void start(const Use& use, const States& states) {
  const Places places = kPlaces(use);
  for (std::int64_t word = 0; word < words<kPlaces>(use); ++word)
    std::fill_n(words_of<std::int64_t>(states, word), states.count, 0);
  for (std::int64_t i = 0; i < states.count; ++i) {
    for (int place = 0; place < places.count; ++place) state_at(states, i).rest(place) = places.at[place];
  }
}

template <typename Codec>
void add_at_once(const Places& places, const typename Codec::Storage* row, std::int64_t n, const State& state) {
  std::vector<Bits<Codec>> keys(static_cast<std::size_t>(n));
  std::transform(row, row + n, keys.begin(), [](typename Codec::Storage stored) { return bits_of<Codec>(stored); });
  const auto nan = std::numeric_limits<Bits<Codec>>::max();
  auto begin = keys.begin();
  for (int place = 0; place < places.count; ++place) {
    const auto at = keys.begin() + places.at[place];
    std::nth_element(begin, at, keys.end());
    state.bits(place) = static_cast<std::int64_t>(*at);
    begin = at;
  }
  if constexpr (std::floating_point<typename Codec::Compute>)
    state.at(kHasNan) = std::find(begin, keys.end(), nan) != keys.end() ? 1 : 0;
}

template <typename Codec>
struct KeysLoop {
  BS_INLINE static void run(const typename Codec::Storage* elements, Bits<Codec>* keys, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) keys[i] = bits_of<Codec>(elements[i]);
  }
};

template <typename Codec>
void count_digits(const Places& places, std::span<const Bits<Codec>> keys, const State& state) {
  const int width = static_cast<int>(sizeof(Bits<Codec>)) * 8;
  const int known = static_cast<int>(state.at(kKnownDigits)) * kDigitBits;
  const int shift = width - known - kDigitBits;
  const auto digit_of = [shift](std::uint64_t bits) {
    return static_cast<std::int64_t>(bits >> shift & (kDigits - 1));
  };
  for (int place = 0; place < places.count; ++place) {
    if (place > 0 && state.bits(place) == state.bits(0)) continue;  // the same elements
    std::int64_t* const counts = &state.counted(place, 0);
    if (known == 0) {
      for (const std::uint64_t bits : keys) ++counts[digit_of(bits) * state.stride];
      continue;
    }
    const auto before = static_cast<std::uint64_t>(state.bits(place));
    for (const std::uint64_t bits : keys) {
      if (bits >> (width - known) == before) ++counts[digit_of(bits) * state.stride];
    }
  }
}

// Keys are made a block at a time, by vector instructions.
template <typename Codec>
void add_in_passes(const Places& places, const typename Codec::Storage* row, std::int64_t n, const State& state) {
  constexpr std::int64_t kBlock = 2048;
  alignas(64) std::array<Bits<Codec>, kBlock> keys;
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t some = std::min(kBlock, n - done);
    run_widest<KeysLoop<Codec>>(row + done, keys.data(), some);
    count_digits<Codec>(places, std::span(keys).first(static_cast<std::size_t>(some)), state);
  }
}

template <PlacesOf kPlaces>
void add(const Use& use, const Range& range, const States& states) {
  const Places places = kPlaces(use);
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    const auto* elements = static_cast<const typename Codec::Storage*>(range.operands[0]);
    for (std::int64_t row = 0; row < range.outer; ++row) {
      const auto* begin = elements + row * range.count;
      if (comes_at_once(use)) {
        add_at_once<Codec>(places, begin, range.count, state_at(states, row));
      } else {
        add_in_passes<Codec>(places, begin, range.count, state_at(states, row));
      }
    }
  });
}

template <PlacesOf kPlaces>
void merge(const Use& use, const States& into, const States& from) {
  for (std::int64_t word = kKept; word < words<kPlaces>(use); ++word) {
    auto* a = words_of<std::int64_t>(into, word);
    const auto* b = words_of<std::int64_t>(from, word);
    for (std::int64_t i = 0; i < into.count; ++i) a[i] += b[i];
  }
}

// Appends the digit of each place, which its counts say.
template <PlacesOf kPlaces>
void next(const Use& use, const States& states) {
  const Places places = kPlaces(use);
  for (std::int64_t i = 0; i < states.count; ++i) {
    const State state = state_at(states, i);
    const std::int64_t common = state.bits(0);
    // The keys of NaN alone have all bits set in their highest digit.
    if (state.at(kKnownDigits) == 0 && is_floating(use.operands.front()))
      state.at(kHasNan) = state.counted(0, kDigits - 1) > 0 ? 1 : 0;
    for (int place = 0; place < places.count; ++place) {
      const int counts = state.bits(place) == common ? 0 : place;
      std::int64_t digit = 0;
      // The bound matters where a file changes between two passes, which is found out later.
      while (digit < kDigits - 1 && state.rest(place) >= state.counted(counts, digit))
        state.rest(place) -= state.counted(counts, digit++);
      state.bits(place) = state.bits(place) << kDigitBits | digit;
    }
    ++state.at(kKnownDigits);
  }
}

template <PlacesOf kPlaces>
void finish_element(const Use& use, const States& states, void* out) {
  if (!comes_at_once(use)) next<kPlaces>(use, states);
  store_as_operand(use, states.count, out, [&](void* elements) {
    visit_codec(use.operands.front(), [&](auto codec) {
      using Codec = decltype(codec);
      for (std::int64_t i = 0; i < states.count; ++i) {
        static_cast<typename Codec::Storage*>(elements)[i] =
            SortKey<Codec>::element(word_of<Codec>(static_cast<std::uint64_t>(state_at(states, i).bits(0))));
      }
    });
  });
}

template <PlacesOf kPlaces>
void finish_between(const Use& use, const States& states, void* out) {
  if (!comes_at_once(use)) next<kPlaces>(use, states);
  const double share = kPlaces(use).share;
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    for (std::int64_t i = 0; i < states.count; ++i) {
      const State state = state_at(states, i);
      const auto value = [&state](int place) {
        const std::int64_t word = word_of<Codec>(static_cast<std::uint64_t>(state.bits(place)));
        return static_cast<double>(Codec::decode(SortKey<Codec>::element(word)));
      };
      const double low = value(0), high = value(1);
      const double between = low == high || share == 0 ? low : low + share * (high - low);
      store_rounded(state.at(kHasNan) != 0 ? std::numeric_limits<double>::quiet_NaN() : between, use.dtype, out, i);
    }
  });
}

}  // namespace

const Loops kLargest{words<of_largest>, start<of_largest>, add<of_largest>, merge<of_largest>,
                     finish_element<of_largest>, {passes, kKept, next<of_largest>}};
const Loops kMedian{words<of_median>, start<of_median>, add<of_median>, merge<of_median>,
                    finish_element<of_median>, {passes, kKept, next<of_median>}};
const Loops kQuantile{words<of_quantile>, start<of_quantile>, add<of_quantile>, merge<of_quantile>,
                      finish_between<of_quantile>, {passes, kKept, next<of_quantile>}};

}  // namespace brainsurgery::kernels::reductions
