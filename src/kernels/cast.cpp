// Casts between two native types are loops of their own. The small floats are exact in float, and PyTorch converts
// everything to them through float, so they take a detour over a block of floats in the first-level cache.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/element.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr std::int64_t kBlock = 1024;  // 4 KB of floats

// What the x86 instructions give: the smallest value for everything outside the range, and for NaN.
template <typename To, typename From>
BS_INLINE To truncate_signed(From value) {
  constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
  return static_cast<To>(((value >= kLow) & (value < -kLow)) ? value : kLow);
}

template <typename From>
BS_INLINE std::uint64_t truncate_u64(From value) {
  constexpr From kHalf = static_cast<From>(0x1p63);
  const bool upper = value >= kHalf;
  const auto bits = static_cast<std::uint64_t>(truncate_signed<std::int64_t>(upper ? value - kHalf : value));
  return bits ^ (static_cast<std::uint64_t>(upper) << 63);
}

template <typename To, typename From>
BS_INLINE To convert(From value) {
  if constexpr (std::same_as<To, bool>) {
    return value != 0;
  } else if constexpr (std::integral<To> && std::floating_point<From>) {
    if constexpr (std::same_as<To, std::uint64_t>) {
      return truncate_u64(value);
    } else if constexpr (sizeof(To) == 8 || std::same_as<To, std::uint32_t> ||
                         (std::same_as<To, std::uint8_t> && std::same_as<From, double>)) {
      return static_cast<To>(truncate_signed<std::int64_t>(value));
    } else {
      return static_cast<To>(truncate_signed<std::int32_t>(value));
    }
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
struct CastLoop {
  BS_INLINE static void run(const typename From::Storage* in, typename To::Storage* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = To::encode(convert<typename To::Compute>(From::decode(in[i])));
  }
};

using Float = NativeCodec<float>;

template <typename Codec>
concept Small = !std::same_as<Codec, Float> && std::same_as<typename Codec::Compute, float>;

template <typename From, typename To>
void cast_loop(const void* in, void* out, std::int64_t n) {
  run_widest<CastLoop<From, To>>(static_cast<const typename From::Storage*>(in),
                                 static_cast<typename To::Storage*>(out), n);
}

void cast_native(DType from, const void* in, DType to, void* out, std::int64_t n) {
  visit_codec(from, [&](auto from_codec) {
    using From = decltype(from_codec);
    if constexpr (!Small<From>) {
      visit_codec(to, [&](auto to_codec) {
        using To = decltype(to_codec);
        if constexpr (!Small<To>) cast_loop<From, To>(in, out, n);
      });
    }
  });
}

// Small floats to float.
void widen(DType from, const void* in, float* out, std::int64_t n) {
  if (from == DType::F16) return widen_f16(static_cast<const std::uint16_t*>(in), out, n);
  visit_codec(from, [&](auto codec) {
    if constexpr (Small<decltype(codec)>) cast_loop<decltype(codec), Float>(in, out, n);
  });
}

void narrow(const float* in, DType to, void* out, std::int64_t n) {
  if (to == DType::F16) return narrow_f16(in, static_cast<std::uint16_t*>(out), n);
  visit_codec(to, [&](auto codec) {
    if constexpr (Small<decltype(codec)>) cast_loop<Float, decltype(codec)>(in, out, n);
  });
}

bool is_small(DType dtype) {
  return visit_codec(dtype, [](auto codec) { return Small<decltype(codec)>; });
}

}  // namespace

void cast(DType from, const void* in, DType to, void* out, std::int64_t n) {
  BS_CHECK(has_codec(from) && has_codec(to));
  if (from == to) {
    if (n > 0) std::memmove(out, in, static_cast<std::size_t>(n * item_size(from)));
    return;
  }
  const bool from_small = is_small(from);
  const bool to_small = is_small(to);
  if (!from_small && !to_small) return cast_native(from, in, to, out, n);
  if (to == DType::F32) return widen(from, in, static_cast<float*>(out), n);
  if (from == DType::F32) return narrow(static_cast<const float*>(in), to, out, n);

  alignas(64) std::array<float, kBlock> block;
  const auto* source = static_cast<const std::byte*>(in);
  auto* target = static_cast<std::byte*>(out);
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t count = std::min(kBlock, n - done);
    const std::byte* part = source + done * item_size(from);
    std::byte* result = target + done * item_size(to);
    if (from_small) {
      widen(from, part, block.data(), count);
    } else {
      cast_native(from, part, DType::F32, block.data(), count);
    }
    if (to_small) {
      narrow(block.data(), to, result, count);
    } else {
      cast_native(DType::F32, block.data(), to, result, count);
    }
  }
}

}  // namespace brainsurgery::kernels
