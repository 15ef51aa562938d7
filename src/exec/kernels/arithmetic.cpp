#include <algorithm>
#include <array>
#include <cmath>

#include "exec/kernels/element.h"
#include "exec/kernels/kernels.h"

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

constexpr std::int64_t kBlock = 1024;  // 4 KB of floats

// F16 is computed as blocks of floats in the first-level cache: cast has the processor's conversion instructions, which
// makes this four times as fast as converting within the loop.
void binary_f16(BinaryOp op, const std::uint16_t* a, const std::uint16_t* b, std::uint16_t* out, std::int64_t n) {
  std::array<float, kBlock> x, y;
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t count = std::min(kBlock, n - done);
    cast(DType::F16, a + done, DType::F32, x.data(), count);
    cast(DType::F16, b + done, DType::F32, y.data(), count);
    binary(op, DType::F32, x.data(), y.data(), x.data(), count);
    cast(DType::F32, x.data(), DType::F16, out + done, count);
  }
}

void scale_f16(const std::uint16_t* in, double factor, std::uint16_t* out, std::int64_t n) {
  std::array<float, kBlock> x;
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t count = std::min(kBlock, n - done);
    cast(DType::F16, in + done, DType::F32, x.data(), count);
    scale(DType::F32, x.data(), factor, x.data(), count);
    cast(DType::F32, x.data(), DType::F16, out + done, count);
  }
}

template <BinaryOp kOp, typename Codec>
void run_binary(const void* a, const void* b, void* out, std::int64_t n) {
  using T = typename Codec::Storage;
  run_widest<BinaryLoop<kOp, Codec>>(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(out), n);
}

}  // namespace

bool supports(BinaryOp op, DType dtype) {
  return has_codec(dtype) && !(op == BinaryOp::subtract && dtype == DType::BOOL);
}

void binary(BinaryOp op, DType dtype, const void* a, const void* b, void* out, std::int64_t n) {
  BS_CHECK(supports(op, dtype));
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    if constexpr (std::same_as<Codec, F16Codec>) {
      binary_f16(op, static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(out), n);
    } else {
      switch (op) {
        case BinaryOp::add:
          return run_binary<BinaryOp::add, Codec>(a, b, out, n);
        case BinaryOp::subtract:
          return run_binary<BinaryOp::subtract, Codec>(a, b, out, n);
        case BinaryOp::multiply:
          return run_binary<BinaryOp::multiply, Codec>(a, b, out, n);
      }
    }
  });
}

void scale(DType dtype, const void* in, double factor, void* out, std::int64_t n) {
  BS_CHECK(dtype != DType::BOOL);
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    using C = typename Codec::Compute;
    if constexpr (std::same_as<Codec, F16Codec>) {
      scale_f16(static_cast<const T*>(in), factor, static_cast<T*>(out), n);
    } else {
      C rounded{};
      if constexpr (std::integral<C>) {
        rounded = static_cast<C>(wrapped_factor(factor));
      } else {
        rounded = static_cast<C>(factor);
      }
      run_widest<ScaleLoop<Codec>>(static_cast<const T*>(in), rounded, static_cast<T*>(out), n);
    }
  });
}

void clamp(DType dtype, const void* in, const ClampLimits& limits, void* out, std::int64_t n) {
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    const auto low = clamp_limit<Codec>(limits.low, true);
    const auto high = clamp_limit<Codec>(limits.high, false);
    run_widest<ClampLoop<Codec>>(static_cast<const T*>(in), low.stored, high.stored, low.active, high.active,
                                 static_cast<T*>(out), n);
  });
}

}  // namespace brainsurgery::kernels
