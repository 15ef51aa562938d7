// Philox4x32-10: 128 random bits from a counter and a key (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>

#include "kernels/wide.h"

namespace brainsurgery::kernels {

BS_INLINE constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                            std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  constexpr std::uint32_t kRounds = 10;
  auto [c0, c1, c2, c3] = counter;
  BS_UNROLL
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * c0, product1 = kMultiplier1 * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ (key[0] + round * kWeyl0);
    c1 = static_cast<std::uint32_t>(product1);
    c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ (key[1] + round * kWeyl1);
    c3 = static_cast<std::uint32_t>(product0);
  }
  return {c0, c1, c2, c3};
}

}  // namespace brainsurgery::kernels
