// Seeds for random values that were given none.
#pragma once

#include <cstdint>
#include <string_view>

namespace brainsurgery {

// FNV-1a (64 bits) over the name, started from `start`.
[[nodiscard]] inline std::uint64_t name_hash(std::string_view name, std::uint64_t start = 0) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = (0xcbf29ce484222325 ^ start) * kPrime;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash;
}

// Depends on the step's place in the plan and the tensor's name only, so that a plan gives the same bytes every time.
// The highest bit is left out, so that a plan can name the seed as an integer.
[[nodiscard]] inline std::uint64_t derived_seed(int step, std::string_view name) {
  return name_hash(name, static_cast<std::uint64_t>(step)) >> 1;
}

}  // namespace brainsurgery
