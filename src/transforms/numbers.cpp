#include "transforms/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/numbers.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

bool has_infinity(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16 ||
         dtype == DType::F8_E5M2;
}

// Whether the dtype cannot hold the number, by PyTorch's rule: it is compared before it is truncated or rounded.
bool overflows(DType dtype, double value, const std::optional<std::int64_t>& integer) {
  const DTypeInfo& row = info(dtype);
  if (row.kind == DTypeClass::boolean) return false;
  if (row.kind == DTypeClass::floating) {
    if (dtype == DType::F8_E8M0 && value < 0) return true;
    return std::isfinite(value) ? std::abs(value) > row.max_finite : std::isinf(value) && !has_infinity(dtype);
  }
  if (!std::isfinite(value)) return true;
  if (row.kind == DTypeClass::unsigned_integer && value < 0) return true;
  if (row.bits == 64 && integer) return false;  // every 64-bit integer was read exactly
  const double beyond = std::ldexp(1.0, row.kind == DTypeClass::unsigned_integer ? row.bits : row.bits - 1);
  return row.bits == 64 ? value >= beyond || value < -beyond : value > beyond - 1 || value < -beyond;
}

template <typename Number>
Expr packed(DType dtype, const Shape& shape, const std::vector<Number>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(Number));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return literal({dtype, shape}, std::move(bytes));
}

}  // namespace

Expr filled(const TensorDesc& desc, const NumberArray& numbers) {
  if (!info(desc.dtype).computes) {
    throw Error(ErrorCode::plan,
                fmt::format("numbers cannot be written to a tensor of dtype {}", to_string(desc.dtype)));
  }
  for (std::size_t i = 0; i < numbers.values.size(); ++i) {
    if (overflows(desc.dtype, numbers.values[i], numbers.integers[i])) {
      throw Error(ErrorCode::plan, fmt::format("value {} does not fit dtype {}", python_float(numbers.values[i]),
                                               to_string(desc.dtype)));
    }
  }
  const bool exact = std::ranges::all_of(numbers.integers, [](const auto& integer) { return integer.has_value(); });
  if (!exact) return broadcast(cast(packed(DType::F64, numbers.shape, numbers.values), desc.dtype), desc.shape);
  std::vector<std::int64_t> integers;
  for (const auto& integer : numbers.integers) integers.push_back(*integer);
  return broadcast(cast(packed(DType::I64, numbers.shape, integers), desc.dtype), desc.shape);
}

Expr filled(const TensorDesc& desc, const ExactNumber& number) {
  return filled(desc, NumberArray{{}, {number.value}, {number.integer}});
}

std::optional<FieldProblem> problem_of_draw(const DrawSpec& spec) {
  if (spec.distribution == nodes::Random::Distribution::uniform) {
    if (!(spec.low < spec.high))
      return FieldProblem{"low",
                          fmt::format("low {} must be below high {}", python_float(spec.low), python_float(spec.high))};
    if (!std::isfinite(spec.low) || !std::isfinite(spec.high))
      return FieldProblem{"low", "low and high must be finite"};
  } else {
    if (!(spec.std > 0) || !std::isfinite(spec.std))
      return FieldProblem{"std", fmt::format("std {} must be positive", python_float(spec.std))};
    if (!std::isfinite(spec.mean)) return FieldProblem{"mean", "mean must be finite"};
  }
  return std::nullopt;
}

Expr drawn(const TensorDesc& desc, const DrawSpec& spec, const Row& row) {
  const bool uniform = spec.distribution == nodes::Random::Distribution::uniform;
  const double most = info(desc.dtype).max_finite;
  if (uniform && (std::abs(spec.low) > most || std::abs(spec.high) > most || spec.high - spec.low > most)) {
    throw Error(ErrorCode::plan, fmt::format("low {} and high {} do not fit dtype {}", python_float(spec.low),
                                             python_float(spec.high), to_string(desc.dtype)));
  }
  const double a = uniform ? spec.low : spec.mean, b = uniform ? spec.high : spec.std;
  const std::uint64_t seed = spec.seed ? static_cast<std::uint64_t>(*spec.seed) : row.seed();
  if (spec.generator == Generator::counter) return random(desc, spec.distribution, a, b, CounterSeed{seed, row.key()});
  return random(desc, spec.distribution, a, b, seed);
}

}  // namespace brainsurgery
