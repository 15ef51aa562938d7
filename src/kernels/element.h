// How one element is stored and what it is computed in: one codec per dtype that computes, and the dispatch over them.
//
//   visit_codec(DType::BF16, [&](auto codec) {
//     using Codec = decltype(codec);                        // Codec::Storage is std::uint16_t, Codec::Compute is float
//     Codec::encode(Codec::decode(stored) * 2.0F);          // rounds once, to nearest even
//   });
//
// decode is exact. encode gives the dtype's one NaN pattern for every NaN. Everything is free of branches, so that
// loops over it are vectorised, and of undefined behaviour.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "brainsurgery/error.h"
#include "brainsurgery/types.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels {

// Integers, float and double are stored as they are computed.
template <typename T>
struct NativeCodec {
  using Storage = T;
  using Compute = T;

  BS_INLINE static constexpr T decode(T stored) { return stored; }
  BS_INLINE static constexpr T encode(T value) {
    if constexpr (std::floating_point<T>) {
      return value == value ? value : std::numeric_limits<T>::quiet_NaN();
    } else {
      return value;
    }
  }
};

// A byte; every non-zero byte is true.
struct BoolCodec {
  using Storage = std::uint8_t;
  using Compute = bool;

  BS_INLINE static constexpr bool decode(std::uint8_t stored) { return stored != 0; }
  BS_INLINE static constexpr std::uint8_t encode(bool value) { return value ? 1 : 0; }
};

// bfloat16: the upper half of a float.
struct Bf16Codec {
  using Storage = std::uint16_t;
  using Compute = float;
  static constexpr std::int16_t kInfinity = 0x7F80;

  BS_INLINE static constexpr float decode(std::uint16_t stored) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(stored) << 16);
  }
  BS_INLINE static constexpr std::uint16_t encode(float value) {
    return static_cast<std::uint16_t>(rounded(value) >> 16);
  }
  // In the upper half; the lower one means nothing.
  BS_INLINE static constexpr std::uint32_t rounded(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return value == value ? bits + 0x7FFF + ((bits >> 16) & 1) : 0x7FC00000;
  }
};

// The numbers that tell the small formats with sign, exponent and mantissa apart. Codes are without the sign bit.
struct SmallFloat {
  int mantissa_bits;
  int bias;
  std::int32_t max_code;       // largest finite value
  std::int32_t overflow_code;  // what larger values and infinity become
  std::int32_t nan_code;       // sign included
  int sign_shift;              // from bit 31 of a float
  bool has_negative_zero;      // the formats without one ("fnuz") use its pattern as their only NaN
};

inline constexpr SmallFloat kF16{10, 15, 0x7BFF, 0x7C00, 0x7E00, 16, true};
inline constexpr SmallFloat kF8E5M2{2, 15, 0x7B, 0x7C, 0x7F, 24, true};
inline constexpr SmallFloat kF8E4M3{3, 7, 0x7E, 0x7E, 0x7F, 24, true};  // no infinity; saturates
inline constexpr SmallFloat kF8E4M3Fnuz{3, 8, 0x7F, 0x80, 0x80, 24, false};
inline constexpr SmallFloat kF8E5M2Fnuz{2, 16, 0x7F, 0x80, 0x80, 24, false};

// Rounds a float to a small format, to nearest even.
template <SmallFloat kFormat>
BS_INLINE constexpr std::int32_t encode_small(float value) {
  constexpr int kShift = 23 - kFormat.mantissa_bits;
  constexpr std::int32_t kRebias = (127 - kFormat.bias) << kFormat.mantissa_bits;
  constexpr std::int32_t kSmallestNormal = (128 - kFormat.bias) << 23;
  constexpr std::int32_t kSignBit = static_cast<std::int32_t>(0x80000000U >> kFormat.sign_shift);
  // Adding this power of two to a subnormal result's value moves its last bit to bit 0, and the addition rounds.
  constexpr std::int32_t kAligner = (128 - kFormat.bias + kShift) << 23;

  const auto bits = std::bit_cast<std::int32_t>(value);
  const std::int32_t magnitude = bits & 0x7FFFFFFF;
  const std::int32_t rounding = ((1 << (kShift - 1)) - 1 - (kRebias << kShift)) + ((magnitude >> kShift) & 1);
  const std::int32_t normal = (magnitude + rounding) >> kShift;
  const std::int32_t subnormal =
      std::bit_cast<std::int32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(kAligner)) - kAligner;
  std::int32_t code = magnitude < kSmallestNormal ? subnormal : normal;
  std::int32_t sign = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits) >> kFormat.sign_shift) & kSignBit;
  const bool overflows = code > kFormat.max_code;
  code = overflows ? kFormat.overflow_code : code;
  if constexpr (!kFormat.has_negative_zero) sign = (overflows | (code == 0)) ? 0 : sign;
  return magnitude > 0x7F800000 ? kFormat.nan_code : (code | sign);
}

// Exact. `code` is without the sign bit and neither infinity nor NaN.
template <SmallFloat kFormat>
BS_INLINE constexpr float decode_magnitude(std::int32_t code) {
  constexpr int kShift = 23 - kFormat.mantissa_bits;
  constexpr std::int32_t kRebias = (127 - kFormat.bias) << 23;
  constexpr std::int32_t kSmallestNormal = (128 - kFormat.bias) << 23;
  const std::int32_t shifted = code << kShift;
  // A subnormal gets the smallest normal's exponent, whose implied one is subtracted again: no float is ever subnormal
  // here.
  const float subnormal = std::bit_cast<float>(shifted + kSmallestNormal) - std::bit_cast<float>(kSmallestNormal);
  return shifted < (1 << 23) ? subnormal : std::bit_cast<float>(shifted + kRebias);
}

struct F16Codec {
  using Storage = std::uint16_t;
  using Compute = float;
  static constexpr std::int16_t kInfinity = 0x7C00;

  BS_INLINE static constexpr float decode(std::uint16_t stored) {
    const std::int32_t code = stored & 0x7FFF;
    const std::int32_t special = code == 0x7C00 ? 0x7F800000 : 0x7FC00000;
    const auto finite = std::bit_cast<std::int32_t>(decode_magnitude<kF16>(code));
    const std::int32_t magnitude = code > 0x7BFF ? special : finite;
    return std::bit_cast<float>(static_cast<std::uint32_t>(magnitude) |
                                (static_cast<std::uint32_t>(stored & 0x8000U) << 16));
  }
  BS_INLINE static constexpr std::uint16_t encode(float value) {
    return static_cast<std::uint16_t>(encode_small<kF16>(value));
  }
};

// The types whose values need not be decoded to be compared: codes without the sign bit are in the order of magnitudes,
// NaNs beyond infinity.
template <typename Codec>
concept Half = std::same_as<Codec, F16Codec> || std::same_as<Codec, Bf16Codec>;

BS_INLINE constexpr std::int16_t magnitude(int half) { return static_cast<std::int16_t>(half & 0x7FFF); }

// In the order of values, -0.0 just below 0.0, NaNs beyond the infinities.
BS_INLINE constexpr std::int16_t ordinal(std::uint16_t half) {
  return static_cast<std::int16_t>(half >= 0x8000 ? ~magnitude(half) : magnitude(half));
}

// The value of every code, made at compile time.
template <SmallFloat kFormat>
constexpr std::array<float, 256> decode_table() {
  std::array<float, 256> table{};
  for (int stored = 0; stored < 256; ++stored) {
    const int code = stored & 0x7F;
    const bool is_nan = kFormat.has_negative_zero ? code > kFormat.max_code && code != kFormat.overflow_code
                                                  : stored == kFormat.nan_code;
    const bool is_infinite = kFormat.has_negative_zero && code > kFormat.max_code && !is_nan;
    float value = decode_magnitude<kFormat>(code);
    if (is_infinite) value = std::numeric_limits<float>::infinity();
    if (is_nan) value = std::numeric_limits<float>::quiet_NaN();
    table[static_cast<std::size_t>(stored)] = stored >= 0x80 && !is_nan ? -value : value;
  }
  return table;
}

template <SmallFloat kFormat>
struct F8Codec {
  using Storage = std::uint8_t;
  using Compute = float;
  static constexpr std::array<float, 256> kValues = decode_table<kFormat>();

  BS_INLINE static constexpr float decode(std::uint8_t stored) { return kValues[stored]; }
  BS_INLINE static constexpr std::uint8_t encode(float value) {
    return static_cast<std::uint8_t>(encode_small<kFormat>(value));
  }
};

// An exponent without sign and mantissa: 2^(code - 127), 255 is NaN. There is no zero, and encode drops the sign.
struct F8E8M0Codec {
  using Storage = std::uint8_t;
  using Compute = float;

  BS_INLINE static constexpr float decode(std::uint8_t stored) {
    const std::uint32_t normal = static_cast<std::uint32_t>(stored) << 23;
    const std::uint32_t finite = stored == 0 ? 0x00400000 : normal;
    return std::bit_cast<float>(stored == 255 ? 0x7FC00000 : finite);
  }
  // As PyTorch: half way rounds up from a normal value and down from 2^-127; infinity becomes NaN.
  BS_INLINE static constexpr std::uint8_t encode(float value) {
    const std::int32_t magnitude = std::bit_cast<std::int32_t>(value) & 0x7FFFFFFF;
    const std::int32_t exponent = magnitude >> 23;
    const std::int32_t below_half_way = exponent == 0 ? 0x400000 : 0x3FFFFF;
    const std::int32_t rounded = exponent + ((magnitude & 0x7FFFFF) > below_half_way ? 1 : 0);
    return static_cast<std::uint8_t>(exponent == 255 ? 255 : rounded);
  }
};

[[nodiscard]] inline bool has_codec(DType dtype) {
  switch (dtype) {
    case DType::F4:
    case DType::F6_E2M3:
    case DType::F6_E3M2:
    case DType::C64:
    case DType::C32:
    case DType::C128:
      return false;
    default:
      return true;
  }
}

// Calls `visitor` with the codec of `dtype`, which must be one that computes.
template <typename Visitor>
decltype(auto) visit_codec(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::BOOL:
      return visitor(BoolCodec{});
    case DType::U8:
      return visitor(NativeCodec<std::uint8_t>{});
    case DType::I8:
      return visitor(NativeCodec<std::int8_t>{});
    case DType::F8_E5M2:
      return visitor(F8Codec<kF8E5M2>{});
    case DType::F8_E4M3:
      return visitor(F8Codec<kF8E4M3>{});
    case DType::F8_E8M0:
      return visitor(F8E8M0Codec{});
    case DType::F8_E4M3FNUZ:
      return visitor(F8Codec<kF8E4M3Fnuz>{});
    case DType::F8_E5M2FNUZ:
      return visitor(F8Codec<kF8E5M2Fnuz>{});
    case DType::I16:
      return visitor(NativeCodec<std::int16_t>{});
    case DType::U16:
      return visitor(NativeCodec<std::uint16_t>{});
    case DType::F16:
      return visitor(F16Codec{});
    case DType::BF16:
      return visitor(Bf16Codec{});
    case DType::I32:
      return visitor(NativeCodec<std::int32_t>{});
    case DType::U32:
      return visitor(NativeCodec<std::uint32_t>{});
    case DType::F32:
      return visitor(NativeCodec<float>{});
    case DType::F64:
      return visitor(NativeCodec<double>{});
    case DType::I64:
      return visitor(NativeCodec<std::int64_t>{});
    case DType::U64:
      return visitor(NativeCodec<std::uint64_t>{});
    case DType::F4:
    case DType::F6_E2M3:
    case DType::F6_E3M2:
    case DType::C64:
    case DType::C32:
    case DType::C128:
      break;
  }
  fail_check("the dtype computes", __FILE__, __LINE__);
}

}  // namespace brainsurgery::kernels
