// The error function in double, of arithmetic alone as everything in transcendental.h.
//
// Taylor's series around 0, and around multiples of 1/8: the derivative of erf is 2/sqrt(pi) e^(-x^2), and the
// coefficients b_n of that one's series around c follow from b_(n+1) = -2 (c b_n + b_(n-1)) / (n + 1). The values at the
// centres are added up at compile time, in pairs of doubles, from erf(0) = 0.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/transcendental.h"

namespace brainsurgery::kernels::transcendental {

inline constexpr Pair kTwoOverRootPi{0x1.20dd750429b6dp+0, 0x1.1ae3a914fed80p-56};

// Centres, and what is known there.
struct ErrorFunctionTable {
  static constexpr int kPerUnit = 8;
  static constexpr int kLast = 6 * kPerUnit;  // erf(6) is nearer to 1 than to any other double

  std::array<double, kLast + 1> high, low;  // erf
  std::array<double, kLast + 1> slope;      // its derivative
};

constexpr Pair pair_sum(Pair a, Pair b) {
  const Pair sum = exact_sum(a.high, b.high);
  return sum_in_order(sum.high, sum.low + (a.low + b.low));
}

constexpr ErrorFunctionTable make_error_function_table() {
  constexpr double kStep = 1.0 / ErrorFunctionTable::kPerUnit;
  constexpr int kTerms = 40;
  ErrorFunctionTable table{};
  Pair value{0, 0};
  for (int i = 0; i <= ErrorFunctionTable::kLast; ++i) {
    const double c = i * kStep;
    const Exponential e = exponential({-c * c, 0});  // of an exact square
    const Pair above_one = sum_in_order(1, e.fraction.high);
    const double scale = power_of_two(e.exponent);
    const Pair slope = product(kTwoOverRootPi, {scale * above_one.high, scale * (above_one.low + e.fraction.low)});
    const auto at = static_cast<std::size_t>(i);
    table.high[at] = value.high;
    table.low[at] = value.low;
    table.slope[at] = slope.high;
    // Terms b_n t^n of the derivative, of which erf has t / (n + 1) times as much.
    Pair before{0, 0}, term = slope, sum{0, 0};
    for (int n = 0; n < kTerms; ++n) {
      sum = pair_sum(sum, quotient(term, {n + 1.0, 0}));
      const Pair next = pair_sum(product(term, {-2 * c * kStep, 0}), product(before, {-2 * kStep * kStep, 0}));
      before = term;
      term = quotient(next, {n + 1.0, 0});
    }
    value = pair_sum(value, product(sum, {kStep, 0}));
  }
  return table;
}

inline constexpr ErrorFunctionTable kErrorFunctionTable = make_error_function_table();

// Of |x| < 1/2. The main part is x itself, so that what the rest is off by counts little.
BS_INLINE constexpr double small_error_function(double x) {
  constexpr int kTerms = 14;
  constexpr auto kCoefficients = [] {  // 2/sqrt(pi) (-1)^n / (n! (2n + 1))
    std::array<double, kTerms> result{};
    double factorial = 1;  // exact
    for (int n = 0; n < kTerms; ++n) {
      if (n > 0) factorial *= -n;
      result[static_cast<std::size_t>(n)] = kTwoOverRootPi.high / (factorial * (2 * n + 1));
    }
    result[0] = (kTwoOverRootPi.high - 1) + kTwoOverRootPi.low;
    return result;
  }();
  const double z = x * x;
  double series = kCoefficients[kTerms - 1];
  BS_UNROLL
  for (std::size_t n = kTerms - 1; n-- > 0;) series = series * z + kCoefficients[n];
  return x + x * series;
}

BS_INLINE constexpr double erf(double x) {
  constexpr int kTerms = 13;
  const double size = x == x ? clamped(magnitude(x), 0, 6) : 0;
  const double index = nearest(size * ErrorFunctionTable::kPerUnit);
  const double c = index / ErrorFunctionTable::kPerUnit, t = size - c;  // exact
  const auto at = static_cast<std::size_t>(static_cast<std::int32_t>(index));
  const double first = -2 * c * t, second = -2 * t * t;
  double before = 0, term = kErrorFunctionTable.slope[at], sum = term;
  BS_UNROLL
  for (int n = 1; n < kTerms; ++n) {
    const double next = (first * term + second * before) * (1.0 / n);
    before = term;
    term = next;
    sum += term * (1.0 / (n + 1));
  }
  const double large = kErrorFunctionTable.high[at] + (kErrorFunctionTable.low[at] + t * sum);
  const double result = size < 0.5 ? small_error_function(size) : large;
  return x != x ? x : with_sign_of(result, x);
}

}  // namespace brainsurgery::kernels::transcendental
