// Elements as keys: integers in the order of the elements, which may be compared in any order and several at a time.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/element.h"

namespace brainsurgery::kernels::reductions {

template <typename Codec>
inline constexpr bool kIsFloating = std::floating_point<typename Codec::Compute>;

// The narrowest of int16, int32 and int64 that holds all keys.
template <typename Codec>
using KeyOf = std::conditional_t<
    Half<Codec>, std::int16_t,
    std::conditional_t<kIsFloating<Codec>,
                       std::conditional_t<std::same_as<typename Codec::Compute, double>, std::int64_t, std::int32_t>,
                       std::conditional_t<sizeof(typename Codec::Storage) == 1, std::int16_t,
                                          std::conditional_t<sizeof(typename Codec::Storage) == 2, std::int32_t,
                                                             std::int64_t>>>>;

// NaN comes before everything else in a minimum and behind it in a maximum. -0.0 is below 0.0, unless zeros are to be
// equal. A key stands for one element, NaN for all that are.
template <typename Codec, bool kLeast, bool kEqualZeros>
struct Key {
  using T = typename Codec::Storage;
  using Lane = KeyOf<Codec>;
  static constexpr Lane kNan = kLeast ? std::numeric_limits<Lane>::min() : std::numeric_limits<Lane>::max();

  BS_INLINE static Lane of(T stored) {
    if constexpr (Half<Codec>) {
      const std::int16_t size = magnitude(stored);
      const Lane key = kEqualZeros && size == 0 ? Lane{0} : ordinal(stored);
      return size > Codec::kInfinity ? kNan : key;
    } else if constexpr (kIsFloating<Codec>) {
      const auto value = Codec::decode(stored);
      const auto bits = std::bit_cast<Lane>(kEqualZeros ? value + 0 : value);  // -0.0 + 0 is 0.0
      const Lane key = bits < 0 ? static_cast<Lane>(bits ^ std::numeric_limits<Lane>::max()) : bits;
      return value == value ? key : kNan;
    } else if constexpr (std::same_as<T, std::uint64_t>) {
      return std::bit_cast<std::int64_t>(stored ^ (std::uint64_t{1} << 63));
    } else {
      return static_cast<Lane>(Codec::decode(stored));
    }
  }
  static T element(std::int64_t word) {
    const auto key = static_cast<Lane>(word);
    if constexpr (Half<Codec>) {
      if (key == kNan) return Codec::encode(std::numeric_limits<float>::quiet_NaN());
      return static_cast<T>(key < 0 ? 0x8000 | magnitude(~key) : key);
    } else if constexpr (kIsFloating<Codec>) {
      using C = typename Codec::Compute;
      if (key == kNan) return Codec::encode(std::numeric_limits<C>::quiet_NaN());
      const Lane bits = key < 0 ? static_cast<Lane>(key ^ std::numeric_limits<Lane>::max()) : key;
      return Codec::encode(std::bit_cast<C>(bits));
    } else if constexpr (std::same_as<T, std::uint64_t>) {
      return std::bit_cast<std::uint64_t>(word) ^ (std::uint64_t{1} << 63);
    } else {
      return static_cast<T>(key);
    }
  }
};

}  // namespace brainsurgery::kernels::reductions
