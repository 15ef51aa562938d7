#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const std::vector<DType>& computing() {
  static const std::vector<DType> dtypes{
      DType::BOOL,        DType::U8,          DType::I8,  DType::F8_E5M2, DType::F8_E4M3, DType::F8_E8M0,
      DType::F8_E4M3FNUZ, DType::F8_E5M2FNUZ, DType::I16, DType::U16,     DType::F16,     DType::BF16,
      DType::I32,         DType::U32,         DType::F32, DType::F64,     DType::I64,     DType::U64};
  return dtypes;
}

// The bits of `value` cast to `to`.
template <typename From>
std::uint64_t cast_bits(DType from, From value, DType to) {
  std::uint64_t bits = 0;
  cast(from, &value, to, &bits, 1);
  return bits;
}

double as_double(DType dtype, std::uint64_t bits) {
  double value = 0;
  cast(dtype, &bits, DType::F64, &value, 1);
  return value;
}

TEST(Cast, EveryHalfSurvivesTheWayThroughFloat) {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    std::vector<std::uint16_t> all(65536), back(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
    std::vector<float> wide(all.size());
    cast(dtype, all.data(), DType::F32, wide.data(), 65536);
    cast(DType::F32, wide.data(), dtype, back.data(), 65536);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::isnan(wide[i])) {
        EXPECT_EQ(back[i], dtype == DType::F16 ? 0x7E00 : 0x7FC0) << i;
        EXPECT_EQ(std::bit_cast<std::uint32_t>(wide[i]), 0x7FC00000U) << i;
      } else {
        EXPECT_EQ(back[i], all[i]);
      }
    }
  }
}

// The value of a half, from the definition of the format.
double half_value(int code) {
  const int exponent = code >> 10 & 31, mantissa = code & 1023;
  return exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Cast, RoundsToNearestEvenBetweenAllNeighbouringHalves) {
  for (int code = 0; code < 0x7BFF; ++code) {
    const double low = half_value(code), high = half_value(code + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    EXPECT_EQ(cast_bits(DType::F32, static_cast<float>(low), DType::F16), static_cast<std::uint64_t>(code));
    EXPECT_EQ(cast_bits(DType::F32, std::nextafter(middle, 0.0F), DType::F16), static_cast<std::uint64_t>(code));
    EXPECT_EQ(cast_bits(DType::F32, std::nextafter(middle, 1e9F), DType::F16), static_cast<std::uint64_t>(code + 1));
    EXPECT_EQ(cast_bits(DType::F32, middle, DType::F16), static_cast<std::uint64_t>(code % 2 == 0 ? code : code + 1));
    EXPECT_EQ(cast_bits(DType::F32, -middle, DType::F16),
              static_cast<std::uint64_t>((code % 2 == 0 ? code : code + 1) | 0x8000));
  }
}

TEST(Cast, EightBitFloatsRoundTripExceptNan) {
  for (const DType dtype : {DType::F8_E5M2, DType::F8_E4M3, DType::F8_E8M0, DType::F8_E4M3FNUZ, DType::F8_E5M2FNUZ}) {
    int nans = 0;
    for (std::uint64_t code = 0; code < 256; ++code) {
      const double value = as_double(dtype, code);
      if (std::isnan(value)) {
        ++nans;
        continue;
      }
      EXPECT_EQ(cast_bits(DType::F64, value, dtype), code) << to_string(dtype);
    }
    EXPECT_EQ(nans, dtype == DType::F8_E5M2 ? 6 : dtype == DType::F8_E4M3 ? 2 : 1);
  }
}

TEST(Cast, EncodesEightBitFloatsAsPyTorch) {
  struct Row {
    float value;
    std::uint64_t e4m3, e5m2, e4m3fnuz, e5m2fnuz, e8m0;
  };
  // From PyTorch 2.13.0.
  const std::vector<Row> rows{
      {0.0F, 0x00, 0x00, 0x00, 0x00, 0x00},       {-0.0F, 0x80, 0x80, 0x00, 0x00, 0x00},
      {1.0F, 0x38, 0x3C, 0x40, 0x40, 0x7F},       {-3.0F, 0xC4, 0xC2, 0xCC, 0xC6, 0x81},
      {0x1p-9F, 0x01, 0x18, 0x02, 0x1C, 0x76},    {0x1.8p-10F, 0x01, 0x16, 0x02, 0x1A, 0x76},
      {-0x1p-11F, 0x80, 0x90, 0x00, 0x94, 0x74},  {240.0F, 0x77, 0x5C, 0x7F, 0x60, 0x87},
      {247.9F, 0x77, 0x5C, 0x7F, 0x60, 0x87},     {248.0F, 0x78, 0x5C, 0x80, 0x60, 0x87},
      {448.0F, 0x7E, 0x5F, 0x80, 0x63, 0x88},     {464.1F, 0x7E, 0x5F, 0x80, 0x63, 0x88},
      {-500.0F, 0xFE, 0xE0, 0x80, 0xE4, 0x88},    {57344.0F, 0x7E, 0x7B, 0x80, 0x7F, 0x8F},
      {61439.0F, 0x7E, 0x7B, 0x80, 0x7F, 0x8F},   {61440.0F, 0x7E, 0x7C, 0x80, 0x80, 0x8F},
      {0x1.8p127F, 0x7E, 0x7C, 0x80, 0x80, 0xFF}, {static_cast<float>(kInf), 0x7E, 0x7C, 0x80, 0x80, 0xFF},
      {0x1p-127F, 0x00, 0x00, 0x00, 0x00, 0x00},  {0x1.8p-127F, 0x00, 0x00, 0x00, 0x00, 0x01},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(cast_bits(DType::F32, row.value, DType::F8_E4M3), row.e4m3) << row.value;
    EXPECT_EQ(cast_bits(DType::F32, row.value, DType::F8_E5M2), row.e5m2) << row.value;
    EXPECT_EQ(cast_bits(DType::F32, row.value, DType::F8_E4M3FNUZ), row.e4m3fnuz) << row.value;
    EXPECT_EQ(cast_bits(DType::F32, row.value, DType::F8_E5M2FNUZ), row.e5m2fnuz) << row.value;
    EXPECT_EQ(cast_bits(DType::F32, row.value, DType::F8_E8M0), row.e8m0) << row.value;
  }
}

// The table of docs/arithmetic.md.
TEST(Cast, FloatToIntegerOutOfRange) {
  struct Row {
    double value;
    std::uint64_t u8, i8, i16, u16, i32, u32, i64, u64;
  };
  const std::uint64_t top = std::uint64_t{1} << 63;
  const std::vector<Row> rows{
      {kNan, 0, 0, 0, 0, 0x80000000, 0, top, top},
      {kInf, 0, 0, 0, 0, 0x80000000, 0, top, 0},
      {-kInf, 0, 0, 0, 0, 0x80000000, 0, top, top},
      {300, 44, 44, 300, 300, 300, 300, 300, 300},
      {-2.7, 254, 254, 0xFFFE, 0xFFFE, 0xFFFFFFFE, 0xFFFFFFFE, ~std::uint64_t{1}, ~std::uint64_t{1}},
      {70000, 112, 112, 4464, 4464, 70000, 70000, 70000, 70000},
      {1e10, 0, 0, 0, 0, 0x80000000, 1410065408, 10000000000, 10000000000},
      {-3e9, 0, 0, 0, 0, 0x80000000, 1294967296, static_cast<std::uint64_t>(-3000000000LL),
       static_cast<std::uint64_t>(-3000000000LL)},
      {1e19, 0, 0, 0, 0, 0x80000000, 0, top, 10000000000000000000U},
      {0x1p64, 0, 0, 0, 0, 0x80000000, 0, top, 0},
      // From float64, uint8 alone goes by way of int64.
      {-2147484648.0, 24, 0, 0, 0, 0x80000000, 2147482648, static_cast<std::uint64_t>(-2147484648LL),
       static_cast<std::uint64_t>(-2147484648LL)},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::U8), row.u8) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::I8), row.i8) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::I16), row.i16) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::U16), row.u16) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::I32), row.i32) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::U32), row.u32) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::I64), row.i64) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::U64), row.u64) << row.value;
    EXPECT_EQ(cast_bits(DType::F64, row.value, DType::BOOL), 1U) << row.value;
  }
}

TEST(Cast, GoesToHalfTypesThroughFloat) {
  // 1 + 2^-11 + 2^-30: float64 to float32 drops the last bit, and the tie that remains goes to even.
  EXPECT_EQ(cast_bits(DType::F64, 1 + 0x1p-11 + 0x1p-30, DType::F16), 0x3C00U);
  EXPECT_EQ(cast_bits(DType::I64, std::int64_t{(1 << 30) + (1 << 19) + 1}, DType::F16), 0x7C00U);
  EXPECT_EQ(cast_bits(DType::I64, std::int64_t{(1LL << 40) + (1LL << 32) + 1}, DType::BF16), 0x5380U);
}

TEST(Cast, ResultsDoNotDependOnCountOrPosition) {
  for (const DType from : computing()) {
    // Every byte pattern that fits, in an order that puts each element once in the vector and once in the tail.
    const std::int64_t n = 97;
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(n * item_size(from)));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 151 + i / 256);
    for (const DType to : computing()) {
      std::vector<std::uint8_t> whole(static_cast<std::size_t>(n * item_size(to)));
      std::vector<std::uint8_t> single(whole.size());
      cast(from, bytes.data(), to, whole.data(), n);
      for (std::int64_t i = 0; i < n; ++i) cast(from, &bytes[i * item_size(from)], to, &single[i * item_size(to)], 1);
      EXPECT_EQ(whole, single) << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(Cast, LongInputsGoThroughSeveralBlocks) {
  std::vector<std::uint16_t> all(65536), out(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  cast(DType::BF16, all.data(), DType::F16, out.data(), 65536);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(out[i], cast_bits(DType::BF16, all[i], DType::F16)) << i;
  }
}

}  // namespace
}  // namespace brainsurgery::kernels
