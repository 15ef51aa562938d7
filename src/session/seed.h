// Seeds for random values that were given none.
#pragma once

#include <cstdint>
#include <string_view>

namespace brainsurgery {

// Depends on the step's place in the plan and the tensor's name only, so that a plan gives the same bytes every time.
// FNV-1a (64 bits) over the name, started from the step's number; the highest bit is left out, so that a plan can name
// the seed as an integer.
[[nodiscard]] inline std::uint64_t derived_seed(int step, std::string_view name) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = (0xcbf29ce484222325 ^ static_cast<std::uint64_t>(step)) * kPrime;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash >> 1;
}

}  // namespace brainsurgery
