#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "exec/kernels/element.h"
#include "exec/kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr std::int64_t kBlock = 4096;  // elements between two looks at the verdict

// Whether `holds(i)` for all i, without a branch per element.
template <typename Holds>
BS_INLINE bool all_hold(std::int64_t n, Holds holds) {
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t end = std::min(n, done + kBlock);
    std::uint32_t failed = 0;
    for (std::int64_t i = done; i < end; ++i) failed |= holds(i) ? 0U : 1U;
    if (failed != 0) return false;
  }
  return true;
}

template <typename Codec>
struct EqualLoop {
  using T = typename Codec::Storage;
  BS_INLINE static bool run(const T* a, const T* b, std::int64_t n) {
    return all_hold(
        n, [=](std::int64_t i) __attribute__((always_inline)) { return Codec::decode(a[i]) == Codec::decode(b[i]); });
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

// Lanes, so that the maximum is taken without waiting for the one before.
template <typename Codec>
struct DistanceLoop {
  using T = typename Codec::Storage;
  static constexpr std::int64_t kLanes = 16;
  BS_INLINE static double run(const T* a, const T* b, std::int64_t n) {
    std::array<double, kLanes> largest{};
    std::array<double, kLanes> sum{};  // NaN exactly if a distance is: they are not negative
    const auto look = [&](std::int64_t i, std::size_t lane) __attribute__((always_inline)) {
      const auto x = Codec::decode(a[i]);
      const auto y = Codec::decode(b[i]);
      const double found = x == y ? 0 : distance(x, y);
      largest[lane] = found > largest[lane] ? found : largest[lane];
      sum[lane] += found;
    };
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) look(i + static_cast<std::int64_t>(lane), lane);
    }
    for (; i < n; ++i) look(i, 0);
    double all = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      all = larger_or_nan(all, sum[lane] == sum[lane] ? largest[lane] : sum[lane]);
    }
    return all;
  }
};

template <typename Codec>
struct SmallLoop {
  using T = typename Codec::Storage;
  BS_INLINE static bool run(const T* a, double eps, std::int64_t n) {
    return all_hold(
        n, [=](std::int64_t i)
               __attribute__((always_inline)) { return std::fabs(static_cast<double>(Codec::decode(a[i]))) <= eps; });
  }
};

bool equal_bytes(const void* a, const void* b, std::int64_t bytes) {
  return bytes == 0 || std::memcmp(a, b, static_cast<std::size_t>(bytes)) == 0;
}

// As in arithmetic.cpp, F16 is compared as blocks of floats: `look(x, y, count)` at every block of both operands, until
// it gives false.
template <typename Look>
void for_f16_blocks(const void* a, const void* b, std::int64_t n, Look look) {
  constexpr std::int64_t kFloats = 1024;
  std::array<float, kFloats> x, y;
  for (std::int64_t done = 0; done < n; done += kFloats) {
    const std::int64_t count = std::min(kFloats, n - done);
    cast(DType::F16, static_cast<const std::uint16_t*>(a) + done, DType::F32, x.data(), count);
    cast(DType::F16, static_cast<const std::uint16_t*>(b) + done, DType::F32, y.data(), count);
    if (!look(x.data(), y.data(), count)) return;
  }
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
    if constexpr (std::same_as<Codec, F16Codec>) {
      bool equal = true;
      for_f16_blocks(a, b, n, [&](const float* x, const float* y, std::int64_t count) {
        return equal = all_equal(DType::F32, x, y, count);
      });
      return equal;
    } else if constexpr (std::integral<typename Codec::Compute> && !std::same_as<Codec, BoolCodec>) {
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
      double largest = 0;
      for_f16_blocks(a, b, n, [&](const float* x, const float* y, std::int64_t count) {
        largest = larger_or_nan(largest, largest_distance(DType::F32, x, y, count));
        return largest == largest;
      });
      return largest;
    } else {
      return run_widest<DistanceLoop<Codec>>(static_cast<const T*>(a), static_cast<const T*>(b), n);
    }
  });
}

bool all_small(DType dtype, const void* a, double eps, std::int64_t n) {
  return visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using T = typename Codec::Storage;
    return run_widest<SmallLoop<Codec>>(static_cast<const T*>(a), eps, n);
  });
}

}  // namespace brainsurgery::kernels
