// Sums, products and counts.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "brainsurgery/error.h"
#include "kernels/fold.h"

namespace brainsurgery::kernels::reductions {
namespace {

// Integers wrap as int64.
BS_INLINE std::int64_t wrapped_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
BS_INLINE std::int64_t wrapped_product(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

template <typename Codec>
using WordOf = std::conditional_t<std::floating_point<typename Codec::Compute>, double, std::int64_t>;

template <typename Number>
struct Adding {
  using Word = Number;
  using Lane = Number;
  static constexpr Lane kStart = 0;
  BS_INLINE static Number both(Number a, Number b) {
    if constexpr (std::floating_point<Number>) return a + b;
    else return wrapped_sum(a, b);
  }
  BS_INLINE static Number merged(Number a, Number b) { return both(a, b); }
};

template <typename Codec>
struct Sum : Adding<WordOf<Codec>> {
  using typename Adding<WordOf<Codec>>::Lane;
  BS_INLINE static Lane term(typename Codec::Storage a) { return static_cast<Lane>(Codec::decode(a)); }
};

template <typename Codec>
struct SumOfMagnitudes : Adding<double> {
  BS_INLINE static double term(typename Codec::Storage a) { return std::fabs(static_cast<double>(Codec::decode(a))); }
};

template <typename Codec>
struct SumOfSquares : Adding<double> {
  BS_INLINE static double term(typename Codec::Storage a) {
    const auto value = static_cast<double>(Codec::decode(a));
    return value * value;
  }
};

template <typename Codec>
struct SumOfProducts : Adding<WordOf<Codec>> {
  using typename Adding<WordOf<Codec>>::Lane;
  BS_INLINE static Lane term(typename Codec::Storage a, typename Codec::Storage b) {
    const auto x = static_cast<Lane>(Codec::decode(a)), y = static_cast<Lane>(Codec::decode(b));
    if constexpr (std::floating_point<Lane>) return x * y;
    else return wrapped_product(x, y);
  }
};

template <typename Codec>
struct Product {
  using Word = WordOf<Codec>;
  using Lane = Word;
  static constexpr Lane kStart = 1;
  BS_INLINE static Lane term(typename Codec::Storage a) { return static_cast<Lane>(Codec::decode(a)); }
  BS_INLINE static Lane both(Lane a, Lane b) {
    if constexpr (std::floating_point<Lane>) return a * b;
    else return wrapped_product(a, b);
  }
  BS_INLINE static Word merged(Word a, Word b) { return both(a, b); }
};

template <typename Codec>
struct NonZero : Adding<std::int64_t> {
  BS_INLINE static std::int64_t term(typename Codec::Storage a) {
    return Codec::decode(a) != typename Codec::Compute{} ? 1 : 0;
  }
};

// Counts bytes that are not 0, in bytes that are emptied before they are full.
struct BytesLoop {
  static constexpr std::int64_t kLanes = 64, kRounds = 255;

  BS_INLINE static void run(std::int64_t* states, std::int64_t rows, std::int64_t n, const std::uint8_t* bytes) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::uint8_t* const end = bytes + n;
      while (bytes < end) {
        const std::int64_t rounds = std::min(kRounds, (end - bytes) / kLanes);
        alignas(64) std::array<std::uint8_t, kLanes> lanes{};
        for (std::int64_t i = 0; i < rounds; ++i, bytes += kLanes) {
          for (std::int64_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] = static_cast<std::uint8_t>(lanes[lane] + (bytes[lane] != 0 ? 1 : 0));
        }
        for (const std::uint8_t lane : lanes) states[row] += lane;
        if (rounds == kRounds) continue;
        for (; bytes < end; ++bytes) states[row] += *bytes != 0 ? 1 : 0;
      }
    }
  }
};

bool counts_bytes(const Range& range, DType dtype) {
  return range.inner == 1 && (dtype == DType::BOOL || dtype == DType::U8 || dtype == DType::I8);
}

void count_bytes(const Range& range, const States& states) {
  run_widest<BytesLoop>(words_of<std::int64_t>(states), range.outer, range.count, operand_of<std::uint8_t>(range));
}

bool sums_in_double(const Use& use) { return is_floating(use.operands.front()); }

template <template <typename> typename Fold>
void start(const Use& use, const States& states) {
  if (sums_in_double(use)) return start_all<Fold<NativeCodec<double>>>(states);
  start_all<Fold<NativeCodec<std::int64_t>>>(states);
}

template <template <typename> typename Fold>
void merge(const Use& use, const States& into, const States& from) {
  if (sums_in_double(use)) return merge_all<Fold<NativeCodec<double>>>(into, from);
  merge_all<Fold<NativeCodec<std::int64_t>>>(into, from);
}

template <template <typename> typename Fold>
void add(const Use& use, const Range& range, const States& states) {
  constexpr bool kCounts = std::same_as<Fold<BoolCodec>, NonZero<BoolCodec>>;
  const DType dtype = use.operands.front();
  if ((kCounts || dtype == DType::BOOL) && counts_bytes(range, dtype) &&
      !std::same_as<Fold<BoolCodec>, Product<BoolCodec>>)
    return count_bytes(range, states);
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    add_range<Fold<Codec>>(range, states, operand_of<typename Codec::Storage>(range));
  });
}

void add_products(const Use& use, const Range& range, const States& states) {
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    add_range<SumOfProducts<Codec>>(range, states, operand_of<T>(range, 0), operand_of<T>(range, 1));
  });
}

// Writes what `of` makes of each sum.
template <typename Function>
void finish_sums(const Use& use, const States& states, void* out, const Function& of) {
  const auto* sums = words_of<double>(states);
  for (std::int64_t i = 0; i < states.count; ++i) store_rounded(of(sums[i]), use.dtype, out, i);
}

void finish_number(const Use& use, const States& states, void* out) {
  if (sums_in_double(use)) return finish_sums(use, states, out, [](double sum) { return sum; });
  std::copy_n(words_of<std::int64_t>(states), states.count, static_cast<std::int64_t*>(out));
}

void finish_mean(const Use& use, const States& states, void* out) {
  finish_sums(use, states, out, [count = static_cast<double>(use.count)](double sum) { return sum / count; });
}

void finish_count(const Use&, const States& states, void* out) {
  std::copy_n(words_of<std::int64_t>(states), states.count, static_cast<std::int64_t*>(out));
}

template <bool kAll>
void finish_truth(const Use& use, const States& states, void* out) {
  const auto* counts = words_of<std::int64_t>(states);
  std::int64_t wanted = use.count;
  if constexpr (!kAll) wanted = 1;
  std::transform(counts, counts + states.count, static_cast<std::uint8_t*>(out),
                 [wanted](std::int64_t count) { return static_cast<std::uint8_t>(count >= wanted); });
}

// One is enough.
bool has_one(const Use&, const States& states) {
  const auto* counts = words_of<std::int64_t>(states);
  return std::all_of(counts, counts + states.count, [](std::int64_t count) { return count > 0; });
}

void start_counts(const Use&, const States& states) { start_all<Adding<std::int64_t>>(states); }
void merge_counts(const Use&, const States& into, const States& from) { merge_all<Adding<std::int64_t>>(into, from); }

// A norm has floating operands. The one of infinite order is a maximum of magnitudes, whose bits are in their order,
// NaNs beyond infinity.
template <typename Codec>
struct LargestMagnitude {
  using Lane = std::conditional_t<std::same_as<typename Codec::Compute, double>, std::int64_t, std::int32_t>;
  using Word = std::int64_t;
  static constexpr Lane kStart = 0;
  BS_INLINE static Lane term(typename Codec::Storage a) { return std::bit_cast<Lane>(std::fabs(Codec::decode(a))); }
  BS_INLINE static Lane both(Lane a, Lane b) { return a > b ? a : b; }
  BS_INLINE static Word merged(Word a, Word b) { return a > b ? a : b; }
};

double order_of(const Use& use) { return *use.parameters.numbers[0]; }

void start_norm(const Use& use, const States& states) {
  if (std::isinf(order_of(use))) return start_all<LargestMagnitude<NativeCodec<double>>>(states);
  start_all<Adding<double>>(states);
}

void add_to_norm(const Use& use, const Range& range, const States& states) {
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    if constexpr (std::floating_point<typename Codec::Compute>) {
      const auto* elements = operand_of<typename Codec::Storage>(range);
      if (order_of(use) == 1) return add_range<SumOfMagnitudes<Codec>>(range, states, elements);
      if (order_of(use) == 2) return add_range<SumOfSquares<Codec>>(range, states, elements);
      add_range<LargestMagnitude<Codec>>(range, states, elements);
    } else {
      fail_check("a norm is of floats", __FILE__, __LINE__);
    }
  });
}

void merge_norms(const Use& use, const States& into, const States& from) {
  if (std::isinf(order_of(use))) return merge_all<LargestMagnitude<NativeCodec<double>>>(into, from);
  merge_all<Adding<double>>(into, from);
}

void finish_norm(const Use& use, const States& states, void* out) {
  if (order_of(use) == 1) return finish_sums(use, states, out, [](double sum) { return sum; });
  if (order_of(use) == 2) return finish_sums(use, states, out, [](double sum) { return std::sqrt(sum); });
  const bool wide = use.operands.front() == DType::F64;
  const auto* largest = words_of<std::int64_t>(states);
  for (std::int64_t i = 0; i < states.count; ++i) {
    const double value = wide ? std::bit_cast<double>(largest[i])
                              : std::bit_cast<float>(static_cast<std::int32_t>(largest[i]));
    store_rounded(value, use.dtype, out, i);
  }
}

// A float itself, else the neighbour whose last bit is 1: rounding that to a type with two bits less gives the same as
// rounding the value (round to odd: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
float rounded_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || value != value) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;
  return std::bit_cast<float>(bits | 1);
}

}  // namespace

void store_rounded(double value, DType dtype, void* out, std::int64_t index) {
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    auto& to = static_cast<typename Codec::Storage*>(out)[index];
    if constexpr (std::same_as<Codec, NativeCodec<double>>) {
      to = Codec::encode(value);
    } else if constexpr (std::same_as<Codec, NativeCodec<float>>) {
      to = Codec::encode(static_cast<float>(value));
    } else if constexpr (std::floating_point<typename Codec::Compute>) {
      to = Codec::encode(rounded_to_odd(value));
    } else {
      fail_check("the result is of floats", __FILE__, __LINE__);
    }
  });
}

const Loops kSum{one_word, start<Sum>, add<Sum>, merge<Sum>, finish_number};
const Loops kMean{one_word, start<Sum>, add<Sum>, merge<Sum>, finish_mean};
const Loops kProduct{one_word, start<Product>, add<Product>, merge<Product>, finish_number};
const Loops kDot{one_word, start<Sum>, add_products, merge<Sum>, finish_number};
const Loops kNorm{one_word, start_norm, add_to_norm, merge_norms, finish_norm};
const Loops kCount{one_word, start_counts, add<NonZero>, merge_counts, finish_count, {}, nullptr, true};
const Loops kAny{one_word, start_counts, add<NonZero>, merge_counts, finish_truth<false>, {}, has_one, true};
const Loops kAll{one_word, start_counts, add<NonZero>, merge_counts, finish_truth<true>, {}, nullptr, true};

}  // namespace brainsurgery::kernels::reductions
