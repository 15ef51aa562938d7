// Numbers that are known of a tensor's elements.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

namespace brainsurgery {

// An element of a tensor, exactly: of a floating, a signed or bool, and an unsigned dtype.
using Number = std::variant<double, std::int64_t, std::uint64_t>;

// nullopt, all three: the tensor is empty, or its dtype does not compute (complex and sub-byte types). NaN as soon as
// one element is.
struct TensorStatistics {
  std::optional<double> min, max;  // exact, but for 64-bit integers beyond 2^53
  // In the precision in which PyTorch gives it: of float16 in float16, of integers, booleans and 8-bit floats in
  // float32.
  std::optional<double> mean;

  friend bool operator==(const TensorStatistics&, const TensorStatistics&) = default;
};

}  // namespace brainsurgery
