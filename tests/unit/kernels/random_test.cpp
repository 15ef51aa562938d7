#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/philox.h"

namespace brainsurgery::kernels {
namespace {

template <typename T>
std::vector<T> uniform(DType dtype, std::uint64_t seed, double low, double high, std::int64_t n) {
  std::vector<T> out(static_cast<std::size_t>(n));
  UniformStream(seed, low, high).draw(dtype, out.data(), n);
  return out;
}

// Elements 0 to 3, 35 and 36 of 37, drawn by PyTorch 2.13.0 with seed 7.
template <typename T>
void expect_draws(DType dtype, double low, double high, const std::vector<T>& expected) {
  const auto draws = uniform<T>(dtype, 7, low, high, 37);
  const std::vector<T> picked{draws[0], draws[1], draws[2], draws[3], draws[35], draws[36]};
  EXPECT_EQ(picked, expected) << to_string(dtype) << " from " << low << " to " << high;
}

TEST(Uniform, EqualsPyTorch) {
  using U32 = std::vector<std::uint32_t>;
  using U64 = std::vector<std::uint64_t>;
  using U16 = std::vector<std::uint16_t>;
  const auto draws = uniform<float>(DType::F32, 7, 0, 1, 4);
  EXPECT_EQ(draws, (std::vector<float>{0.53492254F, 0.19880319F, 0.65921170F, 0.65689027F}));
  expect_draws(DType::F32, 0, 1, U32{0x3F08F0AF, 0x3E4B9310, 0x3F28C219, 0x3F2829F6, 0x3F758F38, 0x3EC70930});
  expect_draws(DType::F32, -0.1, 0.3, U32{0x3DE96897, 0xBCA7C300, 0x3E279CF5, 0x3E26A98A, 0x3E913F60, 0x3D63509A});
  expect_draws(DType::F32, -1e-3, 7, U32{0x406F9D93, 0x3FB2066D, 0x4093A70B, 0x409321E8, 0x40D6DCFB, 0x402E1E06});
  expect_draws(DType::F64, 0, 1,
               U64{0x3FD1E15E7465C988, 0x3FD18432A35053EC, 0x3FEB9643FA6CD0D3, 0x3FE5039774A13667, 0x3FACB23724E35C00,
                   0x3FC854F7D4E7561C});
  expect_draws(DType::F64, -0.1, 0.3,
               U64{0x3F881185D1E3AD34, 0x3F8368EE90D0FF00, 0x3FCF56D32A47B485, 0x3FC4D28BEDCEBD72, 0xBFB3DC5B5F05BA67,
                   0xBF9889B3BD1BB940});
  expect_draws(DType::F16, 0, 1, U16{0x3848, 0x325D, 0x3946, 0x3941, 0x3BAC, 0x3638});
  expect_draws(DType::F16, -0.1, 0.3, U16{0x2F4B, 0xA53E, 0x313D, 0x3135, 0x348A, 0x2B1B});
  expect_draws(DType::F16, -1e-3, 7, U16{0x437D, 0x3D90, 0x449D, 0x4499, 0x46B7, 0x4171});
  expect_draws(DType::BF16, 0, 1, U16{0x3F09, 0x3E4C, 0x3F29, 0x3F28, 0x3F76, 0x3EC7});
  expect_draws(DType::BF16, -0.1, 0.3, U16{0x3DE9, 0xBCA8, 0x3E28, 0x3E27, 0x3E91, 0x3D63});
  expect_draws(DType::BF16, -1e-3, 7, U16{0x4070, 0x3FB2, 0x4094, 0x4093, 0x40D7, 0x402E});
}

// Rounding to a narrow type would reach it once in a few thousand draws.
TEST(Uniform, NeverReachesTheUpperBound) {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F8_E5M2, DType::F32, DType::F64}) {
    constexpr std::int64_t n = 100000;
    std::vector<double> draws(n), storage(n);
    UniformStream(7, 1, 2).draw(dtype, storage.data(), n);
    cast(dtype, storage.data(), DType::F64, draws.data(), n);
    for (const double x : draws) ASSERT_TRUE(x >= 1 && x < 2) << x;
  }
  // This draw is above 1 - 2^-12; the value is what PyTorch 2.13.0 gives.
  EXPECT_EQ(uniform<std::uint16_t>(DType::F16, 0, 0, 1, 386)[385], 0x0000);
}

TEST(Uniform, OnlyTheLow32BitsOfTheSeedCount) {
  EXPECT_EQ(uniform<float>(DType::F32, 5, 0, 1, 9), uniform<float>(DType::F32, (std::uint64_t{1} << 40) + 5, 0, 1, 9));
}

TEST(Uniform, IsASequence) {
  const auto whole = uniform<float>(DType::F32, 11, -2, 3, 5000);
  std::vector<float> parts(5000);
  UniformStream stream(11, -2, 3);
  stream.draw(DType::F32, parts.data(), 1);
  stream.draw(DType::F32, parts.data() + 1, 2999);
  stream.draw(DType::F32, parts.data() + 3000, 2000);
  EXPECT_EQ(whole, parts);
}

TEST(Normal, IsASequence) {
  std::vector<double> whole(5001), parts(5001);
  NormalStream(11, 1, 2).draw(DType::F64, whole.data(), 5001);
  NormalStream stream(11, 1, 2);
  stream.draw(DType::F64, parts.data(), 1);
  stream.draw(DType::F64, parts.data() + 1, 2999);
  stream.draw(DType::F64, parts.data() + 3000, 2001);
  EXPECT_EQ(whole, parts);
}

// The elementary functions of our own against the library's: the same Box-Muller in long double.
TEST(Normal, IsBoxMuller) {
  constexpr std::int64_t n = 20000;
  std::vector<double> draws(n);
  NormalStream(123, 0, 1).draw(DType::F64, draws.data(), n);
  std::mt19937 engine(123);
  const auto bits = [&] {
    const std::uint64_t high = engine();
    return (high << 32 | engine()) & ((std::uint64_t{1} << 53) - 1);
  };
  for (std::size_t i = 0; i < n; i += 2) {
    const long double u = std::ldexp(static_cast<long double>(bits() + 1), -53);
    const long double angle = 6.283185307179586476925286766559L * std::ldexp(static_cast<long double>(bits()), -53);
    const long double radius = std::sqrt(-2 * std::log(u));
    ASSERT_NEAR(draws[i], static_cast<double>(radius * std::cos(angle)), 4e-15);
    ASSERT_NEAR(draws[i + 1], static_cast<double>(radius * std::sin(angle)), 4e-15);
  }
}

TEST(Normal, IsTheSameOnEveryMachine) {
  std::vector<double> draws(4);
  NormalStream(7, 0, 1).draw(DType::F64, draws.data(), 4);
  EXPECT_EQ(draws, (std::vector<double>{-0x1.e51ba7a9de22cp-3, 0x1.944e61398a2a3p+0, -0x1.34a5e825af2acp-2,
                                        -0x1.d0b0c79bf3281p-2}));
}

TEST(Normal, HasTheMomentsAskedFor) {
  constexpr std::int64_t n = 200000;
  std::vector<float> draws(n);
  NormalStream(1, 3, 0.5).draw(DType::F32, draws.data(), n);
  double sum = 0, squares = 0;
  for (const float x : draws) sum += static_cast<double>(x);
  const double mean = sum / n;
  for (const float x : draws) squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
  EXPECT_NEAR(mean, 3, 0.005);
  EXPECT_NEAR(std::sqrt(squares / n), 0.5, 0.005);
}

// The known answers of Random123 (Salmon and others), kat_vectors: philox4x32, 10 rounds.
TEST(Philox, GivesTheKnownAnswers) {
  using Counter = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Counter{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox4x32({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF}),
            (Counter{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Counter{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

using Of = CounterDraws::Of;

std::vector<double> by_counter(const CounterDraws& draws, std::int64_t first, std::int64_t stride, std::int64_t n) {
  std::vector<double> out(static_cast<std::size_t>(n));
  draw_at(draws, DType::F64, first, stride, out.data(), n);
  return out;
}

constexpr std::uint64_t kSeed = 0x123456789ABCDEF0, kKey = 0xFEDCBA9876543210;

TEST(ByCounter, FollowsFromSeedKeyAndIndex) {
  const std::vector<double> uniform = by_counter({Of::uniform, -1, 3, kSeed, kKey}, 0, 1, 5000);
  const std::vector<double> normal = by_counter({Of::normal, 5, 2, kSeed, kKey}, 0, 1, 5000);
  for (std::uint32_t block = 0; block < 2500; ++block) {
    const auto bits = philox4x32({block, 0, 0x76543210, 0xFEDCBA98}, {0x9ABCDEF0, 0x12345678});
    const auto part = [&bits](std::size_t i) {
      return static_cast<double>((std::uint64_t{bits[2 * i + 1]} << 32 | bits[2 * i]) >> 11) * 0x1p-53;
    };
    EXPECT_EQ(uniform[2 * block], part(0) * 4 - 1);
    EXPECT_EQ(uniform[2 * block + 1], part(1) * 4 - 1);
    const double radius = std::sqrt(-2 * std::log(part(0) + 0x1p-53));
    EXPECT_NEAR(normal[2 * block], 5 + 2 * radius * std::cos(6.283185307179586 * part(1)), 4e-14);
    EXPECT_NEAR(normal[2 * block + 1], 5 + 2 * radius * std::sin(6.283185307179586 * part(1)), 4e-14);
  }
}

TEST(ByCounter, FractionsAreTheUpperBitsOfFourWords) {
  const std::vector<double> fractions = by_counter({Of::fractions, 0, 1, kSeed, kKey}, 0, 1, 5000);
  for (std::uint32_t counter = 0; counter < 1250; ++counter) {
    const auto words = philox4x32({counter, 0, 0x76543210, 0xFEDCBA98}, {0x9ABCDEF0, 0x12345678});
    for (std::size_t i = 0; i < 4; ++i) ASSERT_EQ(fractions[4 * counter + i], (words[i] >> 8) / 16777216.0);
  }
  std::vector<float> narrow(5000);
  draw_at({Of::fractions, 0, 1, kSeed, kKey}, DType::F32, 0, 1, narrow.data(), 5000);
  for (std::size_t i = 0; i < narrow.size(); ++i) ASSERT_EQ(narrow[i], fractions[i]);
}

TEST(ByCounter, PartsAreThoseOfTheWhole) {
  constexpr std::int64_t kFar = (std::int64_t{1} << 40) - 7;  // beyond 32 bits of counter
  for (const Of of : {Of::uniform, Of::normal, Of::fractions}) {
    const CounterDraws draws{of, 1, 2, kSeed, kKey};
    const std::vector<double> whole = by_counter(draws, kFar, 1, 4000);
    for (const std::int64_t first : {0, 1, 2, 1023, 1024, 1025}) {
      for (const std::int64_t stride : {1, 2, 3, 7}) {
        const std::int64_t count = (4000 - first + stride - 1) / stride;
        const std::vector<double> part = by_counter(draws, kFar + first, stride, count);
        for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(part[i], whole[first + i * stride]) << first << ", " << stride;
      }
    }
    EXPECT_NE(by_counter({of, 1, 2, kSeed, kKey + 1}, kFar, 1, 4000), whole);
    EXPECT_NE(by_counter({of, 1, 2, kSeed + 1, kKey}, kFar, 1, 4000), whole);
  }
}

TEST(ByCounter, NarrowTypesAreRoundedAndNeverReachTheUpperBound) {
  constexpr std::int64_t n = 100000;
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::F8_E5M2}) {
    const std::vector<double> wide = by_counter({Of::uniform, 1, 2, kSeed, kKey}, 0, 1, n);
    std::vector<double> storage(n), draws(n), rounded(n);
    draw_at({Of::uniform, 1, 2, kSeed, kKey}, dtype, 0, 1, storage.data(), n);
    cast(dtype, storage.data(), DType::F64, draws.data(), n);
    cast(DType::F64, wide.data(), dtype, storage.data(), n);
    cast(dtype, storage.data(), DType::F64, rounded.data(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(draws[i], rounded[i] == 2 ? 1 : rounded[i]) << to_string(dtype);
  }
}

TEST(ByCounter, HasTheMomentsAskedFor) {
  constexpr std::int64_t n = 400000;
  for (const bool is_normal : {false, true}) {
    const std::vector<double> draws = by_counter({is_normal ? Of::normal : Of::uniform, is_normal ? 0.0 : -1.0, 1, 1, 2}, 0, 1, n);
    const double variance = is_normal ? 1 : 1.0 / 3, kurtosis = is_normal ? 3 : 1.8;
    double sum = 0, squares = 0, fourths = 0, neighbours = 0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += draws[i];
      squares += draws[i] * draws[i];
      fourths += draws[i] * draws[i] * draws[i] * draws[i];
      neighbours += draws[i] * draws[(i + 1) % n];
    }
    EXPECT_NEAR(sum / n, 0, 0.006);
    EXPECT_NEAR(squares / n, variance, 0.006);
    EXPECT_NEAR(fourths / n / (variance * variance), kurtosis, 0.08);
    EXPECT_NEAR(neighbours / n, 0, 0.006);
  }
}

TEST(ByCounter, IsTheSameOnEveryMachine) {
  // FNV-1a of both distributions.
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const bool is_normal : {false, true}) {
    for (const double value : by_counter({is_normal ? Of::normal : Of::uniform, 0, 1, 7, 7}, 0, 1, 5000)) {
      for (const std::uint8_t byte : std::bit_cast<std::array<std::uint8_t, 8>>(value)) hash = (hash ^ byte) * 0x100000001B3;
    }
  }
  EXPECT_EQ(hash, 7240883481135649813U);
}

}  // namespace
}  // namespace brainsurgery::kernels
