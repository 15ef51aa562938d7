// Sums and products of sizes and offsets that refuse to overflow. Every size that comes from a file goes through these.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "brainsurgery/error.h"

namespace brainsurgery {

[[nodiscard]] inline std::optional<std::int64_t> try_add(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

[[nodiscard]] inline std::optional<std::int64_t> try_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

// Throw Error(run) "`what` is too large"; `what` names the sum: "the size of tensor 'a'".
[[nodiscard]] inline std::int64_t checked_add(std::int64_t a, std::int64_t b, std::string_view what = "a size") {
  if (const auto sum = try_add(a, b)) return *sum;
  throw Error(ErrorCode::run, std::string(what) + " is too large");
}

[[nodiscard]] inline std::int64_t checked_mul(std::int64_t a, std::int64_t b, std::string_view what = "a size") {
  if (const auto product = try_multiply(a, b)) return *product;
  throw Error(ErrorCode::run, std::string(what) + " is too large");
}

}  // namespace brainsurgery
