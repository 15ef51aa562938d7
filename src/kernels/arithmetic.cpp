#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/element.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

// Wide enough that no product overflows a signed type on the way.
template <typename T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;

template <BinaryOp kOp, typename T>
BS_INLINE T apply(T a, T b) {
  if constexpr (std::same_as<T, bool>) {
    return kOp == BinaryOp::multiply ? a & b : a | b;
  } else if constexpr (std::integral<T>) {
    const auto x = static_cast<Wrapping<T>>(a);
    const auto y = static_cast<Wrapping<T>>(b);
    return static_cast<T>(kOp == BinaryOp::add ? x + y : kOp == BinaryOp::subtract ? x - y : x * y);
  } else {
    return kOp == BinaryOp::add ? a + b : kOp == BinaryOp::subtract ? a - b : a * b;
  }
}

template <BinaryOp kOp, typename Codec>
struct BinaryLoop {
  using T = typename Codec::Storage;
  BS_INLINE static void run(const T* a, const T* b, T* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = Codec::encode(apply<kOp>(Codec::decode(a[i]), Codec::decode(b[i])));
  }
};

template <typename Codec>
struct ScaleLoop {
  using T = typename Codec::Storage;
  using C = typename Codec::Compute;
  BS_INLINE static void run(const T* in, C factor, T* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i)
      out[i] = Codec::encode(apply<BinaryOp::multiply>(Codec::decode(in[i]), factor));
  }
};

// Two neighbouring elements of bfloat16, computed in the 32 bits that they lie in: widening each to a lane of its own
// and packing the results takes up to twice as long.
struct Bf16Pair {
  float low, high;

  BS_INLINE static Bf16Pair load(const std::uint16_t* from) {
    std::uint32_t both = 0;
    std::memcpy(&both, from, sizeof both);
    return {std::bit_cast<float>(both << 16), std::bit_cast<float>(both & 0xFFFF0000)};
  }
  BS_INLINE void store(std::uint16_t* to) const {
    const std::uint32_t both = (Bf16Codec::rounded(low) >> 16) | (Bf16Codec::rounded(high) & 0xFFFF0000);
    std::memcpy(to, &both, sizeof both);
  }
};

template <BinaryOp kOp>
struct BinaryLoop<kOp, Bf16Codec> {
  BS_INLINE static void run(const std::uint16_t* a, const std::uint16_t* b, std::uint16_t* out, std::int64_t n) {
    const std::int64_t pairs = n / 2;
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < pairs; ++i) {
      const auto x = Bf16Pair::load(a + 2 * i);
      const auto y = Bf16Pair::load(b + 2 * i);
      Bf16Pair{apply<kOp>(x.low, y.low), apply<kOp>(x.high, y.high)}.store(out + 2 * i);
    }
    if (n % 2 == 0) return;
    out[n - 1] = Bf16Codec::encode(apply<kOp>(Bf16Codec::decode(a[n - 1]), Bf16Codec::decode(b[n - 1])));
  }
};

template <>
struct ScaleLoop<Bf16Codec> {
  BS_INLINE static void run(const std::uint16_t* in, float factor, std::uint16_t* out, std::int64_t n) {
    const std::int64_t pairs = n / 2;
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < pairs; ++i) {
      const auto x = Bf16Pair::load(in + 2 * i);
      Bf16Pair{x.low * factor, x.high * factor}.store(out + 2 * i);
    }
    if (n % 2 != 0) out[n - 1] = Bf16Codec::encode(Bf16Codec::decode(in[n - 1]) * factor);
  }
};

template <typename T>
struct ClampLimit {
  T stored;
  bool active;
};

// Selects stored elements, so that what is not limited keeps every bit.
template <typename Codec>
struct ClampLoop {
  using T = typename Codec::Storage;
  BS_INLINE static void run(const T* in, T low, T high, bool has_low, bool has_high, T* out, std::int64_t n) {
    const auto lower = Codec::decode(low);
    const auto upper = Codec::decode(high);
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) {
      const T raised = (has_low & (Codec::decode(in[i]) < lower)) ? low : in[i];
      out[i] = (has_high & (upper < Codec::decode(raised))) ? high : raised;
    }
  }
};

template <typename From, typename To>
struct FloatStepsLoop {
  BS_INLINE static void run(const typename From::Storage* in, float factor, float low, float high,
                            typename To::Storage* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) {
      const float scaled = From::decode(in[i]) * factor;
      const float raised = scaled < low ? low : scaled;
      out[i] = To::encode(high < raised ? high : raised);
    }
  }
};

// Elements whose ordinals are the `count` ones from `first` become `by`.
struct Replacement {
  std::int16_t first;
  std::uint16_t count;
  std::uint16_t by;

  [[nodiscard]] BS_INLINE bool covers(std::int16_t place) const {
    return static_cast<std::uint16_t>(place - first) < count;
  }
};

struct ClampHalfLoop {
  BS_INLINE static void run(const std::uint16_t* in, Replacement low, Replacement high, std::uint16_t* out,
                            std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int16_t place = ordinal(in[i]);
      const std::uint16_t lowered = high.covers(place) ? high.by : in[i];
      out[i] = low.covers(place) ? low.by : lowered;
    }
  }
};

// An integral factor modulo 2^64; the product's low bits need no more.
std::uint64_t wrapped_factor(double factor) {
  BS_CHECK(std::isfinite(factor) && std::trunc(factor) == factor);
  const double magnitude = std::fmod(std::fabs(factor), 0x1p64);
  const auto bits = static_cast<std::uint64_t>(magnitude);
  return factor < 0 ? 0 - bits : bits;
}

template <typename T>
T integer_limit(double limit, bool is_low) {
  const double rounded = is_low ? std::ceil(limit) : std::floor(limit);
  // The ends are exact powers of two in double, where the largest value of a 64-bit type is not.
  constexpr double kBeyond = static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
  if (rounded >= kBeyond) return std::numeric_limits<T>::max();
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(rounded);
}

// The limit as an element of the codec's dtype.
template <typename Codec>
ClampLimit<typename Codec::Storage> clamp_limit(const std::optional<double>& limit, bool is_low) {
  using C = typename Codec::Compute;
  if (!limit) return {Codec::encode(C{}), false};
  if constexpr (std::same_as<C, bool>) {
    return {Codec::encode(is_low ? *limit > 0 : *limit >= 1), true};
  } else if constexpr (std::integral<C>) {
    return {integer_limit<C>(*limit, is_low), true};
  } else {
    return {Codec::encode(static_cast<C>(*limit)), true};
  }
}

// Everything from -infinity up to the limit. A zero of either sign is not below a zero.
template <Half Codec>
Replacement below(ClampLimit<std::uint16_t> limit) {
  constexpr std::int16_t kLowest = ordinal(0x8000 | Codec::kInfinity);
  const std::int16_t end = ordinal(magnitude(limit.stored) == 0 ? 0x8000 : limit.stored);
  return {kLowest, static_cast<std::uint16_t>(limit.active ? end - kLowest : 0), limit.stored};
}

// Everything from above the limit up to infinity.
template <Half Codec>
Replacement above(ClampLimit<std::uint16_t> limit) {
  const std::int16_t last = ordinal(magnitude(limit.stored) == 0 ? 0 : limit.stored);
  return {static_cast<std::int16_t>(last + 1), static_cast<std::uint16_t>(limit.active ? Codec::kInfinity - last : 0),
          limit.stored};
}

template <Half Codec>
void clamp_half(const std::uint16_t* in, ClampLimit<std::uint16_t> low_limit, ClampLimit<std::uint16_t> high_limit,
                std::uint16_t* out, std::int64_t n) {
  Replacement low = below<Codec>(low_limit);
  const Replacement high = above<Codec>(high_limit);
  if (high.covers(ordinal(low.by))) low.by = high.by;
  run_widest<ClampHalfLoop>(in, low, high, out, n);
}

template <BinaryOp kOp, typename Codec>
void run_binary(const void* a, const void* b, void* out, std::int64_t n) {
  using T = typename Codec::Storage;
  const auto* x = static_cast<const T*>(a);
  const auto* y = static_cast<const T*>(b);
  auto* result = static_cast<T*>(out);
  std::int64_t done = 0;
  if constexpr (std::same_as<Codec, F16Codec>) done = binary_f16(kOp, x, y, result, n);
  run_widest<BinaryLoop<kOp, Codec>>(x + done, y + done, result + done, n - done);
}

template <typename Codec>
void run_scale(const void* in, typename Codec::Compute factor, void* out, std::int64_t n) {
  using T = typename Codec::Storage;
  const auto* source = static_cast<const T*>(in);
  auto* result = static_cast<T*>(out);
  std::int64_t done = 0;
  if constexpr (std::same_as<Codec, F16Codec>) done = scale_f16(source, factor, result, n);
  run_widest<ScaleLoop<Codec>>(source + done, factor, result + done, n - done);
}

}  // namespace

bool supports(BinaryOp op, DType dtype) {
  return has_codec(dtype) && !(op == BinaryOp::subtract && dtype == DType::BOOL);
}

void binary(BinaryOp op, DType dtype, const void* a, const void* b, void* out, std::int64_t n) {
  BS_CHECK(supports(op, dtype));
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    switch (op) {
      case BinaryOp::add:
        return run_binary<BinaryOp::add, Codec>(a, b, out, n);
      case BinaryOp::subtract:
        return run_binary<BinaryOp::subtract, Codec>(a, b, out, n);
      case BinaryOp::multiply:
        return run_binary<BinaryOp::multiply, Codec>(a, b, out, n);
    }
  });
}

void scale(DType dtype, const void* in, double factor, void* out, std::int64_t n) {
  BS_CHECK(dtype != DType::BOOL);
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using C = typename Codec::Compute;
    if constexpr (std::integral<C>) {
      run_scale<Codec>(in, static_cast<C>(wrapped_factor(factor)), out, n);
    } else {
      run_scale<Codec>(in, static_cast<C>(factor), out, n);
    }
  });
}

void clamp(DType dtype, const void* in, const ClampLimits& limits, void* out, std::int64_t n) {
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    const auto low = clamp_limit<Codec>(limits.low, true);
    const auto high = clamp_limit<Codec>(limits.high, false);
    if constexpr (Half<Codec>) {
      clamp_half<Codec>(static_cast<const T*>(in), low, high, static_cast<T*>(out), n);
    } else {
      run_widest<ClampLoop<Codec>>(static_cast<const T*>(in), low.stored, high.stored, low.active, high.active,
                                   static_cast<T*>(out), n);
    }
  });
}

void float_steps(DType from, const void* in, double factor, const ClampLimits& limits, DType to, void* out,
                 std::int64_t n) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto low = static_cast<float>(limits.low.value_or(-kInfinity));
  const auto high = static_cast<float>(limits.high.value_or(kInfinity));
  const auto run = [&](auto from_codec, auto to_codec) {
    using From = decltype(from_codec);
    using To = decltype(to_codec);
    run_widest<FloatStepsLoop<From, To>>(static_cast<const typename From::Storage*>(in), static_cast<float>(factor),
                                         low, high, static_cast<typename To::Storage*>(out), n);
  };
  using Float = NativeCodec<float>;
  BS_CHECK((from == DType::F32 || from == DType::BF16) && (to == DType::F32 || to == DType::BF16));
  if (from == DType::F32) return to == DType::F32 ? run(Float{}, Float{}) : run(Float{}, Bf16Codec{});
  return to == DType::F32 ? run(Bf16Codec{}, Float{}) : run(Bf16Codec{}, Bf16Codec{});
}

}  // namespace brainsurgery::kernels
