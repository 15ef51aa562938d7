// Exponentials, logarithms and powers against the library's long double, whose last bits are far below those of a
// double. CTest runs the tests of the kernels once for every instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"

namespace brainsurgery::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
inline constexpr DType kDType = sizeof(T) == 8 ? DType::F64 : DType::F32;

template <typename T>
std::vector<T> applied(std::string_view name, const std::vector<T>& a, const std::vector<T>& b = {}) {
  std::vector<T> out(a.size());
  const Operation& row = operation(name);
  const std::array<const void*, 2> operands{a.data(), b.data()};
  const std::array dtypes{kDType<T>, kDType<T>};
  row.run({std::span(operands).first(row.operands), std::span(dtypes).first(row.operands), {}, kDType<T>, out.data(),
           static_cast<std::int64_t>(a.size())});
  return out;
}

double applied(std::string_view name, double a, double b = 0) {
  return applied(name, std::vector<double>{a}, std::vector<double>{b}).front();
}

// How far `got` is from `exact`, in units of the last place that a T of its size has.
template <typename T>
double units_off(T got, long double exact) {
  const auto rounded = static_cast<T>(exact);
  if (std::isnan(exact) || std::isinf(rounded) || std::isinf(got))
    return got == rounded || (std::isnan(got) && std::isnan(exact)) ? 0 : kInf;
  int exponent = std::numeric_limits<T>::min_exponent;
  if (rounded != 0) std::frexp(rounded, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double off = std::abs(static_cast<long double>(got) - exact);
  return static_cast<double>(std::ldexp(off, std::numeric_limits<T>::digits - exponent));
}

// Any bits; small, middling and large arguments; those close to 0, 1 and where arguments are reduced.
template <typename T>
std::vector<T> arguments(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto between = [&engine](double low, double high) {
    return low + (high - low) * static_cast<double>(engine() >> 11) * 0x1p-53;
  };
  std::vector<T> values{0, -0.0, 1, -1, 0.5, 2, static_cast<T>(kInf), static_cast<T>(-kInf), static_cast<T>(kNan),
                        std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
  while (std::ssize(values) < n) {
    T any;
    const std::uint64_t bits = engine();
    std::memcpy(&any, &bits, sizeof any);
    values.push_back(any);
    values.push_back(static_cast<T>(between(-1, 1)));
    values.push_back(static_cast<T>(between(-0.36, 0.36)));
    values.push_back(static_cast<T>(between(-20, 20)));
    values.push_back(static_cast<T>(between(-750, 750)));
    values.push_back(static_cast<T>(std::ldexp(between(-1, 1), -static_cast<int>(engine() % 60))));
    values.push_back(static_cast<T>(1 + std::ldexp(between(-1, 1), -static_cast<int>(engine() % 50))));
    values.push_back(static_cast<T>(between(0.6, 1.5)));
  }
  return values;
}

// Exponents that take their bases close to the ends of the range, and whole ones.
template <typename T>
std::vector<T> exponents(const std::vector<T>& bases) {
  std::mt19937_64 engine(3);
  std::vector<T> values;
  for (const T base : bases) {
    const double size = static_cast<double>(static_cast<std::int64_t>(engine())) * 0x1p-63;
    const double log = std::log(std::abs(static_cast<double>(base)));
    const double range = std::numeric_limits<T>::max_exponent * 0.7;
    switch (engine() % 4) {
      case 0:
        values.push_back(static_cast<T>(size * range / log));
        break;
      case 1:
        values.push_back(static_cast<T>(std::round(size * 9)));
        break;
      case 2:
        values.push_back(static_cast<T>(size * 3));
        break;
      default:
        values.push_back(bases[engine() % bases.size()]);
    }
  }
  return values;
}

struct Function {
  long double (*exact)(long double a, long double b);
  double most_units_off;  // for doubles
};

const std::map<std::string_view, Function>& functions() {
  static const std::map<std::string_view, Function> table{
      {"exp", {[](long double a, long double) { return std::exp(a); }, 0.8}},
      {"exp2", {[](long double a, long double) { return std::exp2(a); }, 0.8}},
      {"expm1", {[](long double a, long double) { return std::expm1(a); }, 0.75}},
      {"log", {[](long double a, long double) { return std::log(a); }, 0.501}},
      {"log2", {[](long double a, long double) { return std::log2(a); }, 0.501}},
      {"log1p", {[](long double a, long double) { return std::log1p(a); }, 0.501}},
      {"tanh", {[](long double a, long double) { return std::tanh(a); }, 0.7}},
      {"sigmoid",
       {[](long double a, long double) { return a > 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a)); },
        0.8}},
      {"erf", {[](long double a, long double) { return std::erf(a); }, 0.8}},
      {"pow", {[](long double a, long double b) { return std::pow(a, b); }, 0.8}},
  };
  return table;
}

template <typename T>
double worst_of(std::string_view name, const Function& function, std::uint64_t seed) {
  const std::vector<T> a = arguments<T>(100'000, seed);
  const std::vector<T> b = exponents(a);
  const std::vector<T> got = applied(name, a, b);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double off = units_off(got[i], function.exact(static_cast<long double>(a[i]), static_cast<long double>(b[i])));
    if (!(off <= worst)) worst = off;
  }
  return worst;
}

TEST(Transcendental, DoublesAreWithinOneUnit) {
  if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "no wider type to compare with";
  for (const auto& [name, function] : functions())
    EXPECT_LE(worst_of<double>(name, function, 1), function.most_units_off) << name;
}

TEST(Transcendental, FloatsAreCorrectlyRoundedButForTies) {
  for (const auto& [name, function] : functions())
    EXPECT_LE((worst_of<float>(name, function, 2)), 0.5 + 0x1p-20) << name;
}

// FNV-1a of the results, the same for every compiler, processor and instruction set.
template <typename T>
std::uint64_t fingerprint(std::string_view name) {
  std::mt19937_64 engine(11);
  std::vector<T> a, b;
  for (int i = 0; i < 20'000; ++i) {
    a.push_back(static_cast<T>(static_cast<double>(static_cast<std::int64_t>(engine())) * 0x1p-59));
    b.push_back(static_cast<T>(static_cast<double>(static_cast<std::int64_t>(engine())) * 0x1p-57));
    if (i % 2 == 1) a.back() = a.back() < 0 ? -a.back() : a.back();
  }
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const T value : applied(name, a, b)) {
    for (const std::uint8_t byte : std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value))
      hash = (hash ^ byte) * 0x100000001B3;
  }
  return hash;
}

TEST(Transcendental, AreTheSameOnEveryMachine) {
  struct Expected {
    std::string_view name;
    std::uint64_t doubles, floats;
  };
  constexpr std::array<Expected, 10> kExpected{{
      {"erf", 0xEE316A402D0FA36B, 0x3CD58641FB467350},
      {"exp", 0xBE9D21A485550819, 0x90A9275F9C12D22C},
      {"exp2", 0xC106E8D3C654E63E, 0xC92F94C374DE5644},
      {"expm1", 0x4401E2450DA90F92, 0xE4684670A417E964},
      {"log", 0xCA4769A27038BF17, 0xF103AF1A554F546E},
      {"log1p", 0x27C867663BFB8F0B, 0x411FFC1B343488E9},
      {"log2", 0xF293FEC4E60BFE72, 0xE6C8FD2A8FF1A17B},
      {"pow", 0x8F172ABE2B2F13CF, 0x6B31BD4A4041BF01},
      {"sigmoid", 0x2359365A8EDA8E48, 0x7E0147BB29DFF902},
      {"tanh", 0x4D694FBC47724A55, 0xE51A1AD284186BCA},
  }};
  for (const auto& [name, doubles, floats] : kExpected) {
    EXPECT_EQ(fingerprint<double>(name), doubles) << name;
    EXPECT_EQ(fingerprint<float>(name), floats) << name;
  }
}

// As C (Annex F) and IEEE 754 have them.
TEST(Transcendental, OfSpecialValues) {
  const std::vector<double> special{0.0,  -0.0,   1,       -1,       2,      -2,       3,          -3,        0.5,
                                    -0.5, kInf,   -kInf,   kNan,     1e308,  -1e308,   5e-324,     -5e-324,   0x1p53,
                                    1.5,  -0x1p53, 0x1p53 - 1, -(0x1p53 - 1), 0x1p52 + 1, 2.5, -2.5, 1 - 0x1p-53, 1e-20};
  const auto is_right = [](double got, double expected) {
    if (std::isnan(expected)) return std::isnan(got);
    if (expected == 0 || expected == 1 || std::isinf(expected))
      return got == expected && std::signbit(got) == std::signbit(expected);
    return std::abs(got - expected) <= 1e-15 * std::abs(expected);
  };
  for (const auto& [name, function] : functions()) {
    for (const double a : special) {
      for (const double b : name == "pow" ? special : std::vector<double>{0}) {
        const double got = applied(name, a, b), expected = static_cast<double>(function.exact(a, b));
        EXPECT_TRUE(is_right(got, expected)) << name << " of " << a << ", " << b << ": " << got << ", not " << expected;
      }
    }
  }
}

// Powers that a double holds come out as they are.
TEST(Transcendental, ExactPowersAreExact) {
  std::mt19937_64 engine(5);
  for (int i = 0; i < 20'000; ++i) {
    const double base = static_cast<double>(static_cast<std::int64_t>(engine() % 2001) - 1000);
    double power = 1;
    for (int n = 0; n <= 5; ++n, power *= base) ASSERT_EQ(applied("pow", base, n), power) << base << " to " << n;
    const auto narrow = static_cast<float>(static_cast<double>(static_cast<std::int32_t>(engine())) * 0x1p-20);
    ASSERT_EQ(applied("pow", std::vector{narrow}, std::vector{2.0F}).front(), narrow * narrow);
    ASSERT_EQ(applied("exp2", std::round(base)), std::ldexp(1.0, static_cast<int>(base)));
  }
}

}  // namespace
}  // namespace brainsurgery::kernels
