#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

float widen(DType dtype, std::uint16_t bits) {
  float value = 0;
  cast(dtype, &bits, DType::F32, &value, 1);
  return value;
}

std::uint16_t narrow(DType dtype, float value) {
  std::uint16_t bits = 0;
  cast(DType::F32, &value, dtype, &bits, 1);
  return bits;
}

template <typename T>
std::vector<T> run(BinaryOp op, DType dtype, const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<T> out(a.size());
  binary(op, dtype, a.data(), b.data(), out.data(), static_cast<std::int64_t>(a.size()));
  return out;
}

template <typename T>
std::vector<T> clamped(DType dtype, const std::vector<T>& in, std::optional<double> low, std::optional<double> high) {
  std::vector<T> out(in.size());
  clamp(dtype, in.data(), {low, high}, out.data(), static_cast<std::int64_t>(in.size()));
  return out;
}

TEST(Binary, IntegersWrap) {
  EXPECT_EQ(run<std::uint8_t>(BinaryOp::add, DType::U8, {250, 1}, {10, 2}), (std::vector<std::uint8_t>{4, 3}));
  EXPECT_EQ(run<std::int8_t>(BinaryOp::subtract, DType::I8, {-128}, {1}), (std::vector<std::int8_t>{127}));
  EXPECT_EQ(run<std::uint16_t>(BinaryOp::multiply, DType::U16, {65535}, {65535}), (std::vector<std::uint16_t>{1}));
  EXPECT_EQ(run<std::int32_t>(BinaryOp::multiply, DType::I32, {1 << 20}, {(1 << 12) + 1}),
            (std::vector<std::int32_t>{1 << 20}));
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(run<std::int64_t>(BinaryOp::add, DType::I64, {lowest}, {lowest}), (std::vector<std::int64_t>{0}));
}

TEST(Binary, BoolIsLogic) {
  EXPECT_EQ(run<std::uint8_t>(BinaryOp::add, DType::BOOL, {0, 0, 1, 2}, {0, 1, 1, 0}),
            (std::vector<std::uint8_t>{0, 1, 1, 1}));
  EXPECT_EQ(run<std::uint8_t>(BinaryOp::multiply, DType::BOOL, {0, 0, 1, 2}, {0, 1, 1, 1}),
            (std::vector<std::uint8_t>{0, 0, 1, 1}));
  EXPECT_FALSE(supports(BinaryOp::subtract, DType::BOOL));
  EXPECT_FALSE(supports(BinaryOp::add, DType::C64));
  EXPECT_TRUE(supports(BinaryOp::add, DType::F8_E4M3));
}

TEST(Binary, HalvesAreComputedInFloatAndRoundedOnce) {
  std::mt19937 engine(3);
  for (const DType dtype : {DType::F16, DType::BF16}) {
    std::vector<std::uint16_t> a(20011), b(a.size());
    for (auto& x : a) x = static_cast<std::uint16_t>(engine());
    for (auto& x : b) x = static_cast<std::uint16_t>(engine());
    const auto sum = run(BinaryOp::add, dtype, a, b);
    const auto difference = run(BinaryOp::subtract, dtype, a, b);
    const auto product = run(BinaryOp::multiply, dtype, a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const float x = widen(dtype, a[i]), y = widen(dtype, b[i]);
      ASSERT_EQ(sum[i], narrow(dtype, x + y));
      ASSERT_EQ(difference[i], narrow(dtype, x - y));
      ASSERT_EQ(product[i], narrow(dtype, x * y));
    }
  }
}

TEST(Binary, NanHasOnePattern) {
  const auto odd_nan = std::bit_cast<float>(0xFFC12345U);
  const float inf = static_cast<float>(kInf);
  for (const auto& [a, b] : {std::pair{odd_nan, 1.0F}, std::pair{1.0F, odd_nan}, std::pair{inf, -inf}}) {
    const auto sum = run<float>(BinaryOp::add, DType::F32, std::vector<float>(19, a), std::vector<float>(19, b));
    for (const float x : sum) EXPECT_EQ(std::bit_cast<std::uint32_t>(x), 0x7FC00000U);
  }
  const std::vector<double> d{kInf, kInf, kInf};
  for (const double x : run<double>(BinaryOp::subtract, DType::F64, d, d)) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(x), 0x7FF8000000000000U);
  }
}

TEST(Binary, WorksInPlace) {
  for (const std::int64_t n : {0, 1, 7, 8, 31, 32, 33, 1000}) {
    std::vector<float> a(static_cast<std::size_t>(n)), b(a.size()), expected(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<float>(i) * 0.37F;
      b[i] = 3.0F - static_cast<float>(i);
      expected[i] = a[i] * b[i];
    }
    binary(BinaryOp::multiply, DType::F32, a.data(), b.data(), a.data(), n);
    EXPECT_EQ(a, expected);
  }
}

TEST(Scale, RoundsTheFactorFirst) {
  const std::vector<std::uint16_t> one(5, 0x3F80);
  std::vector<std::uint16_t> out(5);
  scale(DType::BF16, one.data(), 0.3, out.data(), 5);
  for (const auto x : out) EXPECT_EQ(widen(DType::BF16, x), 0.30078125F);

  const std::vector<float> f{3.0F};
  std::vector<float> g(1);
  scale(DType::F32, f.data(), 0.1, g.data(), 1);
  EXPECT_EQ(g[0], 3.0F * 0.1F);
}

TEST(Scale, IntegersWrap) {
  const std::vector<std::int8_t> in{1, 2, 100, -128};
  std::vector<std::int8_t> out(4);
  scale(DType::I8, in.data(), -3, out.data(), 4);
  EXPECT_EQ(out, (std::vector<std::int8_t>{-3, -6, -44, -128}));
  const std::vector<std::uint64_t> wide{3};
  std::vector<std::uint64_t> product(1);
  scale(DType::U64, wide.data(), 0x1p63, product.data(), 1);
  EXPECT_EQ(product[0], std::uint64_t{1} << 63);
}

TEST(Clamp, KeepsNanPayloadAndZeroSigns) {
  const auto odd_nan = std::bit_cast<float>(0xFFC12345U);
  const std::vector<float> in{odd_nan, -0.0F, -5.0F, 5.0F, 0.5F};
  const auto out = clamped<float>(DType::F32, in, 0.0, 1.0);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(out[0]), 0xFFC12345U);
  EXPECT_TRUE(std::signbit(out[1]));
  EXPECT_EQ(out[2], 0.0F);
  EXPECT_EQ(out[3], 1.0F);
  EXPECT_EQ(out[4], 0.5F);
}

TEST(Clamp, RoundsLimits) {
  EXPECT_EQ(clamped<std::int8_t>(DType::I8, {-5, 0, 5}, -1.5, 2.5), (std::vector<std::int8_t>{-1, 0, 2}));
  EXPECT_EQ(clamped<std::uint8_t>(DType::U8, {0, 9, 255}, -7.0, 1e9), (std::vector<std::uint8_t>{0, 9, 255}));
  EXPECT_EQ(clamped<std::uint8_t>(DType::U8, {0, 9, 255}, std::nullopt, 9.9), (std::vector<std::uint8_t>{0, 9, 9}));
  EXPECT_EQ(clamped<std::int64_t>(DType::I64, {7}, -kInf, kInf), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(clamped<std::uint8_t>(DType::BOOL, {0, 1}, std::nullopt, 0.5), (std::vector<std::uint8_t>{0, 0}));
  EXPECT_EQ(clamped<std::uint16_t>(DType::BF16, {0x4000}, std::nullopt, 0.3), (std::vector<std::uint16_t>{0x3E9A}));
  // An infinite limit is a limit like any other.
  EXPECT_EQ(clamped<float>(DType::F32, {1.0F}, kInf, std::nullopt), (std::vector<float>{static_cast<float>(kInf)}));
}

// Every bfloat16, and floats of all exponents, go through all four at once as one after another.
TEST(FloatSteps, AreTheStepsOneAfterAnother) {
  std::vector<std::uint16_t> halves(1 << 16);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::mt19937 engine(3);
  std::vector<float> floats(50'001);
  for (float& value : floats) value = std::bit_cast<float>(static_cast<std::uint32_t>(engine()));
  const auto both_ways = [](DType from, const auto& in, double factor, const ClampLimits& limits, DType to) {
    const auto n = static_cast<std::int64_t>(in.size());
    std::vector<float> values(in.size());
    cast(from, in.data(), DType::F32, values.data(), n);
    scale(DType::F32, values.data(), factor, values.data(), n);
    clamp(DType::F32, values.data(), limits, values.data(), n);
    std::vector<std::byte> expected(in.size() * static_cast<std::size_t>(item_size(to))), found(expected.size());
    cast(DType::F32, values.data(), to, expected.data(), n);
    float_steps(from, in.data(), factor, limits, to, found.data(), n);
    EXPECT_EQ(expected, found) << to_string(from) << " to " << to_string(to) << " by " << factor;
  };
  for (const double factor : {1.0, 0.7, -3e20, 0.0, kInf}) {
    for (const ClampLimits& limits : {ClampLimits{}, ClampLimits{-0.5, 0.3}, ClampLimits{{}, -0.0}, ClampLimits{1, -1},
                                      ClampLimits{0.0, kInf}, ClampLimits{1e-44, {}}}) {
      for (const DType to : {DType::F32, DType::BF16}) {
        both_ways(DType::BF16, halves, factor, limits, to);
        both_ways(DType::F32, floats, factor, limits, to);
      }
    }
  }
}

TEST(Compare, EqualIsByValue) {
  const std::vector<float> a{0.0F, 1.0F}, b{-0.0F, 1.0F};
  EXPECT_TRUE(all_equal(DType::F32, a.data(), b.data(), 2));
  const std::vector<float> nan(2, static_cast<float>(kNan));
  EXPECT_FALSE(all_equal(DType::F32, nan.data(), nan.data(), 2));
  EXPECT_TRUE(all_equal(DType::F32, nan.data(), nan.data(), 0));
  const std::vector<std::uint16_t> zero{0x0000}, minus_zero{0x8000}, half_nan{0x7E01};
  EXPECT_TRUE(all_equal(DType::F16, zero.data(), minus_zero.data(), 1));
  EXPECT_FALSE(all_equal(DType::F16, half_nan.data(), half_nan.data(), 1));
  EXPECT_TRUE(all_equal(DType::C64, a.data(), b.data(), 1));
  EXPECT_FALSE(all_equal(DType::C64, nan.data(), nan.data(), 1));
  const std::vector<std::uint8_t> one{1}, two{2};
  EXPECT_TRUE(all_equal(DType::BOOL, one.data(), two.data(), 1));
  EXPECT_FALSE(all_equal(DType::U8, one.data(), two.data(), 1));
  EXPECT_FALSE(all_equal(DType::F4, one.data(), two.data(), 2));
}

TEST(Compare, FindsOneDifferenceAnywhere) {
  // One, whose next value is 2^-7 or 2^-10 away.
  for (const auto& [dtype, one, step] :
       {std::tuple{DType::BF16, 0x3F80, 0x1p-7}, std::tuple{DType::F16, 0x3C00, 0x1p-10}}) {
    const std::vector<std::uint16_t> a(10007, static_cast<std::uint16_t>(one));
    for (const std::size_t position : {0, 1023, 1024, 4095, 4096, 10006}) {
      auto b = a;
      b[position] ^= 1;
      EXPECT_FALSE(all_equal(dtype, a.data(), b.data(), 10007)) << position;
      EXPECT_EQ(largest_distance(dtype, a.data(), b.data(), 10007), step) << position;
    }
    EXPECT_TRUE(all_equal(dtype, a.data(), a.data(), 10007));
  }
}

TEST(Compare, LargestDistance) {
  const float inf = static_cast<float>(kInf);
  const std::vector<float> a{inf, 1.0F}, b{inf, 1.5F}, c{-inf, 1.0F}, nan{inf, static_cast<float>(kNan)};
  EXPECT_EQ(largest_distance(DType::F32, a.data(), b.data(), 2), 0.5);
  EXPECT_EQ(largest_distance(DType::F32, a.data(), c.data(), 2), kInf);
  EXPECT_TRUE(std::isnan(largest_distance(DType::F32, nan.data(), nan.data(), 2)));
  EXPECT_EQ(largest_distance(DType::F32, nan.data(), nan.data(), 0), 0);
  const std::vector<std::int64_t> x{std::int64_t{1} << 60}, y{(std::int64_t{1} << 60) + 1};
  EXPECT_EQ(largest_distance(DType::I64, x.data(), y.data(), 1), 1);
  const std::vector<std::uint8_t> low{0}, high{255};
  EXPECT_EQ(largest_distance(DType::U8, low.data(), high.data(), 1), 255);
  EXPECT_EQ(largest_distance(DType::U8, high.data(), low.data(), 1), 255);
  EXPECT_EQ(largest_distance(DType::BOOL, high.data(), low.data(), 1), 1);
}

TEST(Compare, ANanAnywhereIsFound) {
  for (const std::int64_t n : {1, 15, 16, 17, 1023, 1025, 5000}) {
    const std::vector<float> a(static_cast<std::size_t>(n), 1.0F);
    for (const std::int64_t position : {std::int64_t{0}, n / 2, n - 1}) {
      auto b = a;
      b[static_cast<std::size_t>(position)] = static_cast<float>(kNan);
      EXPECT_TRUE(std::isnan(largest_distance(DType::F32, a.data(), b.data(), n))) << n << " " << position;
    }
  }
}

TEST(Compare, ZerosOfAnySignAreCounted) {
  for (const std::int64_t n : {1, 15, 4096, 5000}) {
    std::vector<float> a(static_cast<std::size_t>(n), static_cast<float>(kNan));
    EXPECT_EQ(count_zeros(DType::F32, a.data(), n), 0) << n;
    a.back() = -0.0F;
    EXPECT_EQ(count_zeros(DType::F32, a.data(), n), 1) << n;
    a.front() = 0.0F;
    EXPECT_EQ(count_zeros(DType::F32, a.data(), n), n == 1 ? 1 : 2) << n;
  }
  EXPECT_EQ(count_zeros(DType::F64, nullptr, 0), 0);
}

}  // namespace
}  // namespace brainsurgery::kernels
