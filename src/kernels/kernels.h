// The elementwise loops. Plain interface: pointers, counts, dtypes. Buffers hold packed little-endian elements, aligned
// to their size; `out` may be the same buffer as an input (exactly, not shifted).
//
// Semantics, equal to PyTorch's CPU results bit for bit wherever they are not NaN:
//  - Types below 32 bits are computed in float and rounded once, to nearest even. Integers wrap.
//  - A NaN that arithmetic or a cast between different types produces has one pattern per dtype; copies
//    and clamp keep the payload.
//  - No result depends on `n`, on the position of an element, or on the instruction set.
// All functions may be called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>

#include "brainsurgery/types.h"

namespace brainsurgery::kernels {

enum class BinaryOp : std::uint8_t { add, subtract, multiply };

// Whether `op` is defined: every dtype that computes, except subtract on BOOL. BOOL: add is or, multiply is and.
[[nodiscard]] bool supports(BinaryOp op, DType dtype);
// out[i] = a[i] op b[i]; all [n] of `dtype`.
void binary(BinaryOp op, DType dtype, const void* a, const void* b, void* out, std::int64_t n);

// out[i] = in[i] * factor. The factor is first rounded to the computing precision (float for F32 and below, double for
// F64). Integers: the factor must be integral, the product wraps. Not for BOOL.
void scale(DType dtype, const void* in, double factor, void* out, std::int64_t n);

// out[i] = min(max(in[i], low), high); NaN stays NaN with its payload. Limits are rounded to the dtype for floating
// types; for integers the low limit is rounded up, the high limit down, and a limit beyond the dtype's range acts as
// the end of the range. Limits are not NaN.
struct ClampLimits {
  std::optional<double> low, high;
};
void clamp(DType dtype, const void* in, const ClampLimits& limits, void* out, std::int64_t n);

// Converts elements. Float64 and integers go to the half types through float. Float to integer truncates; out of range
// and NaN give the values of the x86 conversion instructions (table in docs/arithmetic.md). To BOOL: "is not zero".
// `in` and `out` must not overlap unless both types have one size.
void cast(DType from, const void* in, DType to, void* out, std::int64_t n);

// What cast to F32, scale, clamp and cast give one after another, each left out where it changes nothing, but for NaN,
// which becomes the pattern of `to`. `from` and `to` are F32 or BF16.
void float_steps(DType from, const void* in, double factor, const ClampLimits& limits, DType to, void* out,
                 std::int64_t n);

// Comparisons by value: 0.0 equals -0.0, NaN equals nothing. Defined for all dtypes of whole bytes (those that do not
// compute: by bytes; C64 by its two floats).
[[nodiscard]] bool all_equal(DType dtype, const void* a, const void* b, std::int64_t n);
// The largest |a[i] - b[i]| in double, 0 for n = 0; NaN where either is NaN. Equal infinities are at distance 0, and
// 64-bit integers are subtracted before they are converted. dtypes that compute only.
[[nodiscard]] double largest_distance(DType dtype, const void* a, const void* b, std::int64_t n);
[[nodiscard]] inline double larger_or_nan(double a, double b) { return a > b || a != a ? a : b; }
// How many are 0, of any sign. dtypes that compute only.
[[nodiscard]] std::int64_t count_zeros(DType dtype, const void* a, std::int64_t n);

// Random numbers in sequence. Uniform draws equal PyTorch's CPU generator for the same seed: MT19937 seeded with the
// low 32 bits of `seed`; for F32 one 32-bit word an element, its low 24 bits over 2^24, for F64 two words (first word
// high), their low 53 bits over 2^53; then x * (high - low) + low in the same type, rounded once (fused). Other
// floating dtypes: the F32 draw, cast. A draw that rounds to `high` becomes `low`. Floating dtypes only.
class UniformStream {
 public:
  UniformStream(std::uint64_t seed, double low, double high);
  void draw(DType dtype, void* out, std::int64_t n);

 private:
  std::mt19937 engine_;
  double low_, high_;
};

// Normal draws: ours, the same on every machine and independent of how the calls are cut: Box-Muller in double over
// pairs of 53-bit uniforms from MT19937, with sine, cosine and logarithm computed by code of our own (no libm, whose
// last bit differs between systems).
class NormalStream {
 public:
  NormalStream(std::uint64_t seed, double mean, double deviation);
  void draw(DType dtype, void* out, std::int64_t n);

 private:
  std::mt19937 engine_;
  double mean_, deviation_;
  std::optional<double> spare_;
};

// Random numbers by counter: element i is a function of seed, key and i. Philox4x32-10 with the seed as its key (low word
// first) and the counter i / 2, then `key`, gives two 64-bit words for the elements 2k and 2k + 1, low words first. Uniform:
// their upper 53 bits over 2^53, times (b - a), plus a, in double; then one cast; what rounds to b becomes a. Normal:
// Box-Muller over both, times b, plus a, then one cast. Fractions: the counter i / 4 gives four 32-bit words for the
// elements 4k to 4k + 3, of which the upper 24 bits count over 2^24.
struct CounterDraws {
  enum class Of : std::uint8_t { uniform, normal, fractions } of;
  double a, b;  // low and high, or mean and standard deviation
  std::uint64_t seed, key;
};
// Elements first, first + stride, ...: n of them. Floating dtypes only; fractions F32 and F64.
void draw_at(const CounterDraws& draws, DType dtype, std::int64_t first, std::int64_t stride, void* out,
             std::int64_t n);

// Copies a strided n-dimensional box of elements of `item_bytes` (1, 2, 4, 8 or 16): to[sum(i*to_strides)] =
// from[sum(i*from_strides)]. Strides in elements, may be zero in `from_strides`. Blocks transposes for the cache. The
// boxes must not overlap.
struct StridedBox {
  std::span<const std::int64_t> shape;
  std::span<const std::int64_t> from_strides;
  std::span<const std::int64_t> to_strides;
};
void copy_strided(const void* from, void* to, std::int64_t item_bytes, const StridedBox& box);

}  // namespace brainsurgery::kernels
