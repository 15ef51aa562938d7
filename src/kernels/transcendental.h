// Exponentials and logarithms in double, of arithmetic alone: no call of libm, whose last bit differs between systems,
// no fused multiply-add, no branch. Loops over them are vectorised and give the same bits on every machine.
//
// Values that need more than 53 bits are pairs of doubles (Dekker, "A floating-point technique for extending the
// available precision", Numerische Mathematik 18, 1971; Knuth, The Art of Computer Programming 2, 4.2.2). Arguments are
// reduced by powers of two; what is left goes into the Taylor series of e^r and that of ln m = 2 atanh((m - 1)/(m + 1)),
// whose coefficients are 1/k! and 1/(2k + 1). docs/arithmetic.md has the errors.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <utility>

#include "kernels/wide.h"

namespace brainsurgery::kernels::transcendental {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// high + low, |low| at most half a unit in the last place of high.
struct Pair {
  double high, low;
};

// ln 2 in two parts, the first of few enough bits that its product with an exponent is exact.
inline constexpr Pair kLn2Short{0x1.62e42fee00000p-1, 0x1.a39ef35793c76p-33};
inline constexpr Pair kLn2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
inline constexpr Pair kLog2E{0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};

// Of |high| >= |low|, or high = 0.
BS_INLINE constexpr Pair sum_in_order(double high, double low) {
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

BS_INLINE constexpr Pair exact_sum(double a, double b) {
  const double sum = a + b;
  const double of_b = sum - a;
  return {sum, (a - (sum - of_b)) + (b - of_b)};
}

// Exact where no half product is below the smallest normal number.
BS_INLINE constexpr Pair exact_product(double a, double b) {
  constexpr double kHalves = 0x1p27 + 1;
  const double a_scaled = a * kHalves, b_scaled = b * kHalves;
  const double a_high = a_scaled - (a_scaled - a), b_high = b_scaled - (b_scaled - b);
  const double a_low = a - a_high, b_low = b - b_high;
  const double product = a * b;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

BS_INLINE constexpr Pair product(Pair a, Pair b) {
  const Pair main = exact_product(a.high, b.high);
  return sum_in_order(main.high, main.low + (a.high * b.low + a.low * b.high));
}

BS_INLINE constexpr Pair quotient(Pair a, Pair b) {
  const double first = a.high / b.high;
  const Pair taken = exact_product(first, b.high);
  return {first, (((a.high - taken.high) - taken.low) + (a.low - first * b.low)) / b.high};
}

// -- Powers of two --

// The nearest integral value, the even one if two are, of |x| < 2^51.
BS_INLINE constexpr double nearest(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

// 2^n for integral n in [-1022, 1023].
BS_INLINE constexpr double power_of_two(double n) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(n + (0x1.8p52 + 1023)) << 52);
}

// x * 2^n, rounded once, for integral |n| < 2000.
BS_INLINE constexpr double scaled(double x, double n) {
  const double half = nearest(n / 2);
  return x * power_of_two(half) * power_of_two(n - half);
}

BS_INLINE constexpr double clamped(double x, double low, double high) {
  const double not_above = x > high ? high : x;
  return not_above < low ? low : not_above;
}

// -- e^x --

// e^x = 2^exponent * (1 + fraction.high + fraction.low); the second part of the fraction is small, but more
// than half a unit of the first.
struct Exponential {
  double exponent;
  Pair fraction;
};

// e^(r.high + r.low) - 1 for |r.high| < 0.35.
BS_INLINE constexpr Pair fraction_of(Pair r) {
  constexpr auto kInverse = [] {  // 1/k!
    std::array<double, 14> inverse{};
    double factorial = 1;  // exact
    for (std::size_t k = 1; k < inverse.size(); ++k) inverse[k] = 1 / (factorial *= static_cast<double>(k));
    return inverse;
  }();
  double series = kInverse[13];
  BS_UNROLL
  for (std::size_t k = 12; k >= 3; --k) series = series * r.high + kInverse[k];
  const Pair square = exact_product(r.high, r.high);
  const Pair sum = sum_in_order(r.high, square.high / 2);
  const double rest = series * (square.high * r.high) + square.low / 2;
  return {sum.high, sum.low + (rest + (r.low + r.low * r.high))};
}

// |x.high| < 1100.
BS_INLINE constexpr Exponential exponential(Pair x) {
  const double n = nearest(x.high * kLog2E.high);
  const Pair rest = exact_sum(x.high - n * kLn2Short.high, x.low - n * kLn2Short.low);
  return {n, fraction_of(rest)};
}

BS_INLINE constexpr double value_of(Exponential e) {
  const Pair sum = sum_in_order(1, e.fraction.high);
  return scaled(sum.high + (sum.low + e.fraction.low), e.exponent);
}

// Beyond these e^x is infinite, and 0.
inline constexpr double kLargestExponent = 710, kSmallestExponent = -746;

BS_INLINE constexpr double exp(double x) {
  return value_of(exponential({clamped(x, kSmallestExponent, kLargestExponent), 0}));
}

BS_INLINE constexpr double exp2(double x) {
  const double limited = clamped(x, -1076, 1025);
  const double n = nearest(limited);
  return value_of({n, fraction_of(product(kLn2, {limited - n, 0}))});
}

// e^x - 1 for x < 45, as two parts in order of size.
BS_INLINE constexpr Pair less_one(Exponential e) {
  const double scale = power_of_two(e.exponent);
  const Pair whole = exact_sum(scale, -1);  // exact
  const Pair sum = exact_sum(whole.high, scale * e.fraction.high);
  return sum_in_order(sum.high, sum.low + (whole.low + scale * e.fraction.low));
}

// Below this magnitude x is the nearest to expm1(x), log1p(x) and tanh(x), or next to it.
inline constexpr double kTiny = 0x1p-54;

BS_INLINE constexpr double magnitude(double x) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & ~(std::uint64_t{1} << 63));
}
BS_INLINE constexpr double with_sign_of(double magnitude, double sign) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(magnitude) |
                               (std::bit_cast<std::uint64_t>(sign) & (std::uint64_t{1} << 63)));
}

BS_INLINE constexpr double expm1(double x) {
  const double small = less_one(exponential({clamped(x, -45, 45), 0})).high;
  const double result = x > 40 ? exp(x) : small;  // what 1 takes from it is less than a hundredth of its last place
  return magnitude(x) < kTiny ? x : result;
}

// tanh |x| = t / (t + 2) with t = e^(2|x|) - 1.
BS_INLINE constexpr double tanh(double x) {
  const double size = magnitude(x);
  const Pair t = less_one(exponential({clamped(2 * size, 0, 44), 0}));
  const Pair above = exact_sum(2, t.high);
  const Pair ratio = quotient(t, {above.high, above.low + t.low});
  return size < 0x1p-28 ? x : with_sign_of(ratio.high + ratio.low, x);
}

// 1 / (1 + e^-x); of negative x e^x / (1 + e^x), so that nothing overflows.
BS_INLINE constexpr double sigmoid(double x) {
  const Exponential e = exponential({clamped(-magnitude(x), kSmallestExponent, 0), 0});
  const Pair one_to_two = sum_in_order(1, e.fraction.high);
  const Pair mantissa = sum_in_order(one_to_two.high, one_to_two.low + e.fraction.low);
  const double scale = power_of_two(clamped(e.exponent, -1000, 0));
  const Pair below = sum_in_order(1, scale * mantissa.high);
  const bool negative = x < 0;
  const Pair above{negative ? mantissa.high : 1, negative ? mantissa.low : 0};
  const Pair ratio = quotient(above, {below.high, below.low + scale * mantissa.low});
  return x != x ? x : scaled(ratio.high + ratio.low, negative ? e.exponent : 0);
}

// -- ln x --

// x = mantissa * 2^exponent with a mantissa in [sqrt(1/2), sqrt(2)).
struct Reduced {
  double mantissa, exponent;
};

// Of normal x > 0; exact.
BS_INLINE constexpr Reduced reduced(double x) {
  constexpr std::uint64_t kRootOfHalf = 0x3FE6A09E667F3BCD;
  constexpr std::uint64_t kBias = 1024;  // keeps the difference positive
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t biased = (bits - kRootOfHalf + (kBias << 52)) >> 52;
  const double exponent = std::bit_cast<double>(biased | std::bit_cast<std::uint64_t>(0x1p52)) - (0x1p52 + kBias);
  return {std::bit_cast<double>(bits - ((biased - kBias) << 52)), exponent};
}

// 1 + z/3 + z^2/5 + ... without its first `kFirst` terms, divided by z^kFirst; |z| < 0.03.
template <int kFirst, int kLast>
BS_INLINE constexpr double inverse_odd_series(double z) {
  double series = 1.0 / (2 * kLast + 1);
  BS_UNROLL
  for (int k = kLast - 1; k >= kFirst; --k) series = series * z + 1.0 / (2 * k + 1);
  return series;
}

// ln x within two units in the last place, for normal x > 0. Random numbers are made with it: it stays as it is.
BS_INLINE constexpr double quick_log(double x) {
  const auto [m, exponent] = reduced(x);
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  const double series = inverse_odd_series<1, 11>(z) * z;
  return exponent * kLn2Short.high + (2 * s + (2 * s * series + exponent * kLn2Short.low));
}

// ln(m.high + m.low) for a mantissa m, to about 100 bits.
BS_INLINE constexpr Pair log_of_mantissa(Pair m) {
  constexpr Pair kThird{1.0 / 3, 0x1.5555555555555p-56}, kFifth{0.2, -0x1.999999999999ap-57};
  const Pair above = sum_in_order(m.high - 1, m.low);
  const Pair below = exact_sum(m.high, 1);
  const Pair s = quotient(above, {below.high, below.low + m.low});
  const Pair z = product(s, s);
  // 1 + z (1/3 + z (1/5 + z (...))), the last in double.
  const Pair fifths = sum_in_order(kFifth.high, z.high * inverse_odd_series<3, 13>(z.high) + kFifth.low);
  const Pair inner = product(z, fifths);
  const Pair thirds = sum_in_order(kThird.high, inner.high);
  const Pair rest = product(z, {thirds.high, thirds.low + (inner.low + kThird.low)});
  const Pair twice{2 * s.high, 2 * s.low};
  const Pair added = product(twice, rest);
  const Pair sum = sum_in_order(twice.high, added.high);
  return sum_in_order(sum.high, sum.low + (twice.low + added.low));
}

// Of finite x > 0, to about 80 bits.
struct Logarithm {
  double exponent;
  Pair of_mantissa;
};

BS_INLINE constexpr Logarithm logarithm(double x) {
  constexpr double kSmallestNormal = 0x1p-1022;
  const bool subnormal = x < kSmallestNormal;
  const auto [mantissa, exponent] = reduced(subnormal ? x * 0x1p54 : x);
  return {subnormal ? exponent - 54 : exponent, log_of_mantissa({mantissa, 0})};
}

BS_INLINE constexpr Pair natural(Logarithm log) {
  const Pair sum = exact_sum(log.exponent * kLn2Short.high, log.of_mantissa.high);
  return sum_in_order(sum.high, sum.low + (log.of_mantissa.low + log.exponent * kLn2Short.low));
}

// What a logarithm is where its argument is not finite and above 0: NaN, -infinity or infinity.
BS_INLINE constexpr double log_or_special(double log, double x) {
  const double at_end = x == kInfinity ? x : log;
  const double at_zero = x == 0 ? -kInfinity : at_end;
  return ((x < 0) | (x != x)) ? kNan : at_zero;
}

BS_INLINE constexpr double log(double x) { return log_or_special(natural(logarithm(x)).high, x); }

BS_INLINE constexpr double log2(double x) {
  const auto [exponent, of_mantissa] = logarithm(x);
  const Pair fraction = product(of_mantissa, kLog2E);
  const Pair sum = exact_sum(exponent, fraction.high);
  return log_or_special(sum.high + (sum.low + fraction.low), x);
}

BS_INLINE constexpr double log1p(double x) {
  const Pair sum = exact_sum(1, x);
  const auto [mantissa, exponent] = reduced(sum.high);
  const double low = sum.low * power_of_two(clamped(-exponent, -1000, 1000));
  const double result = natural({exponent, log_of_mantissa({mantissa, low})}).high;
  return magnitude(x) < kTiny ? x : log_or_special(result, sum.high);
}

// -- x^y --

BS_INLINE constexpr bool is_integral(double magnitude) {
  return (magnitude >= 0x1p52) | ((magnitude + 0x1p52) - 0x1p52 == magnitude);
}

// |x|^y = e^(y ln |x|); what IEEE 754 and C (Annex F) say of zeros, infinities, NaN and negative x.
BS_INLINE constexpr double pow(double x, double y) {
  const double base = magnitude(x), size = magnitude(y);
  // Larger exponents give 0, 1 or infinity as these do, and their halves do not overflow.
  const double exponent = clamped(y, -0x1p65, 0x1p65);
  const Pair log = natural(logarithm(base));
  const Pair main = exact_product(exponent, log.high);
  const double low = main.low + exponent * log.low;
  const double high = clamped(main.high, kSmallestExponent - 1, kLargestExponent + 1);
  double result = value_of(exponential({high, high == main.high ? low : 0}));
  result = base == 0 ? (y < 0 ? kInfinity : 0) : result;
  result = base == kInfinity ? (y < 0 ? 0 : kInfinity) : result;
  const bool integral = is_integral(size);
  const bool odd = integral & (size < 0x1p53) & !is_integral(size / 2);
  const bool negative = std::bit_cast<std::uint64_t>(x) >> 63 != 0;
  const double signed_result = (negative & odd) ? -result : result;
  const bool undefined = (x < 0) & !integral & (base != kInfinity);
  const double defined = ((x != x) | (y != y) | undefined) ? kNan : signed_result;
  return ((x == 1) | (y == 0)) ? 1 : defined;
}

// -- Sine and cosine --

struct SineCosine {
  double sine, cosine;
};

// sin and cos of 2 pi `turn` for turn in [0, 1): exact reduction to an eighth of a turn around a multiple of a quarter,
// then Taylor's series. Random numbers are made with it: it stays as it is.
BS_INLINE constexpr SineCosine sine_cosine(double turn) {
  const auto quarter = static_cast<std::int32_t>(turn * 4 + 0.5);
  const double x = (turn - static_cast<double>(quarter) / 4) * 6.283185307179586476925;
  const double z = x * x;
  double sine = 0, cosine = 0;
  BS_UNROLL
  for (int k = 18; k >= 2; k -= 2) {
    cosine = (1 - cosine) * z / (k * (k - 1));
    sine = (1 - sine) * z / (k * (k + 1));
  }
  sine = x - x * sine;
  cosine = 1 - cosine;
  const bool exchanged = (quarter & 1) != 0;
  const double first = exchanged ? cosine : sine, second = exchanged ? sine : cosine;
  return {(quarter & 2) != 0 ? -first : first, ((quarter + 1) & 2) != 0 ? -second : second};
}

}  // namespace brainsurgery::kernels::transcendental
