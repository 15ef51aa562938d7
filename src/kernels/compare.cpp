#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/element.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr std::int64_t kBlock = 4096;  // elements between two looks at the verdict

// Whether `holds(i)` for all i, without a branch per element. Flag is as wide as what is compared, so that verdicts
// need not be widened or narrowed.
template <typename Flag, typename Holds>
BS_INLINE bool all_hold(std::int64_t n, Holds holds) {
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t end = std::min(n, done + kBlock);
    Flag failed = 0;
    for (std::int64_t i = done; i < end; ++i) failed = static_cast<Flag>(failed | (holds(i) ? 0U : 1U));
    if (failed != 0) return false;
  }
  return true;
}

template <typename Codec>
struct EqualLoop {
  using T = typename Codec::Storage;
  using Flag = std::conditional_t<std::same_as<T, double>, std::uint64_t, std::uint32_t>;
  BS_INLINE static bool run(const T* a, const T* b, std::int64_t n) {
    return all_hold<Flag>(
        n, [=](std::int64_t i) __attribute__((always_inline)) { return Codec::decode(a[i]) == Codec::decode(b[i]); });
  }
};

// Equal codes unless they are NaN, or zeros of any sign.
template <Half Codec>
struct EqualLoop<Codec> {
  BS_INLINE static bool run(const std::uint16_t* a, const std::uint16_t* b, std::int64_t n) {
    return all_hold<std::uint16_t>(
        n, [=](std::int64_t i) __attribute__((always_inline)) {
          const bool same_number = (a[i] == b[i]) & (magnitude(a[i]) <= Codec::kInfinity);
          const bool zeros = magnitude(a[i] | b[i]) == 0;
          return same_number | zeros;
        });
  }
};

// The distance of two 64-bit integers may not be exact in double unless it is taken before the conversion.
template <typename C>
BS_INLINE double distance(C a, C b) {
  if constexpr (std::integral<C> && sizeof(C) == 8) {
    const auto x = static_cast<std::uint64_t>(a);
    const auto y = static_cast<std::uint64_t>(b);
    return static_cast<double>(a < b ? y - x : x - y);
  } else {
    return std::fabs(static_cast<double>(a) - static_cast<double>(b));
  }
}

// The bits of doubles that are not negative are in the order of their values, with NaN beyond infinity, and a maximum
// of integers may be taken in any order.
template <typename Codec>
struct DistanceLoop {
  using T = typename Codec::Storage;
  BS_INLINE static double run(const T* a, const T* b, std::int64_t n) {
    std::int64_t largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto x = Codec::decode(a[i]);
      const auto y = Codec::decode(b[i]);
      const auto found = x == y ? 0 : std::bit_cast<std::int64_t>(distance(x, y));
      largest = found > largest ? found : largest;
    }
    return std::bit_cast<double>(largest);
  }
};

template <typename Codec>
struct NoZeroLoop {
  using T = typename Codec::Storage;
  using Flag = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  BS_INLINE static bool run(const T* a, std::int64_t n) {
    return all_hold<Flag>(n, [=](std::int64_t i) __attribute__((always_inline)) { return Codec::decode(a[i]) != 0; });
  }
};

template <Half Codec>
struct NoZeroLoop<Codec> {
  BS_INLINE static bool run(const std::uint16_t* a, std::int64_t n) {
    return all_hold<std::uint16_t>(
        n, [=](std::int64_t i) __attribute__((always_inline)) { return magnitude(a[i]) != 0; });
  }
};

bool equal_bytes(const void* a, const void* b, std::int64_t bytes) {
  return bytes == 0 || std::memcmp(a, b, static_cast<std::size_t>(bytes)) == 0;
}

// F16 is widened in blocks of floats.
double distance_f16(const std::uint16_t* a, const std::uint16_t* b, std::int64_t n) {
  constexpr std::int64_t kFloats = 1024;
  alignas(64) std::array<float, kFloats> x, y;
  double largest = 0;
  for (std::int64_t done = 0; done < n; done += kFloats) {
    const std::int64_t count = std::min(kFloats, n - done);
    widen_f16(a + done, x.data(), count);
    widen_f16(b + done, y.data(), count);
    largest = larger_or_nan(largest, largest_distance(DType::F32, x.data(), y.data(), count));
  }
  return largest;
}

}  // namespace

bool all_equal(DType dtype, const void* a, const void* b, std::int64_t n) {
  // A complex number is a pair.
  if (dtype == DType::C32) return all_equal(DType::F16, a, b, 2 * n);
  if (dtype == DType::C64) return all_equal(DType::F32, a, b, 2 * n);
  if (dtype == DType::C128) return all_equal(DType::F64, a, b, 2 * n);
  if (!has_codec(dtype)) {
    const int bits = info(dtype).bits;
    BS_CHECK(n * bits % 8 == 0);
    return equal_bytes(a, b, n * bits / 8);
  }
  return visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    if constexpr (std::integral<typename Codec::Compute> && !std::same_as<Codec, BoolCodec>) {
      return equal_bytes(a, b, n * static_cast<std::int64_t>(sizeof(T)));
    } else {
      return run_widest<EqualLoop<Codec>>(static_cast<const T*>(a), static_cast<const T*>(b), n);
    }
  });
}

double largest_distance(DType dtype, const void* a, const void* b, std::int64_t n) {
  return visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    if constexpr (std::same_as<Codec, F16Codec>) {
      return distance_f16(static_cast<const T*>(a), static_cast<const T*>(b), n);
    } else {
      return run_widest<DistanceLoop<Codec>>(static_cast<const T*>(a), static_cast<const T*>(b), n);
    }
  });
}

std::int64_t count_zeros(DType dtype, const void* a, std::int64_t n) {
  return visit_codec(dtype, [&](auto codec) -> std::int64_t {
    using Codec = decltype(codec);
    const auto* values = static_cast<const typename Codec::Storage*>(a);
    if (run_widest<NoZeroLoop<Codec>>(values, n)) return 0;  // as mostly
    return std::count_if(values, values + n, [](auto stored) { return Codec::decode(stored) == 0; });
  });
}

}  // namespace brainsurgery::kernels
