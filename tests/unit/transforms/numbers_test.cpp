#include "transforms/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

bool fits(DType dtype, double value) {
  try {
    static_cast<void>(filled({dtype, {2}}, ExactNumber{value, std::nullopt}));
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return false;
  }
}

bool fits_exactly(DType dtype, std::int64_t value) {
  try {
    static_cast<void>(filled({dtype, {}}, ExactNumber{static_cast<double>(value), value}));
    return true;
  } catch (const Error&) {
    return false;
  }
}

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Filled, AcceptsWhatPyTorchAccepts) {
  EXPECT_TRUE(fits(DType::U8, 2.7));
  EXPECT_TRUE(fits(DType::U8, 255));
  EXPECT_FALSE(fits(DType::U8, 255.9));
  EXPECT_FALSE(fits(DType::U8, -0.5));
  EXPECT_TRUE(fits(DType::I8, -128));
  EXPECT_FALSE(fits(DType::I8, -129));
  EXPECT_FALSE(fits(DType::I32, std::nan("")));
  EXPECT_FALSE(fits(DType::I64, 0x1p63));
  EXPECT_TRUE(fits(DType::I64, -0x1p63));
  EXPECT_TRUE(fits(DType::U64, 0x1p63));
  EXPECT_FALSE(fits(DType::U64, 0x1p64));
  EXPECT_TRUE(fits(DType::BOOL, 0.5));
  EXPECT_TRUE(fits(DType::F16, 65504));
  EXPECT_FALSE(fits(DType::F16, 65505));
  EXPECT_TRUE(fits(DType::F16, kInf));
  EXPECT_TRUE(fits(DType::F16, std::nan("")));
  EXPECT_FALSE(fits(DType::F32, 1e39));
  EXPECT_TRUE(fits(DType::F8_E4M3, 448));
  EXPECT_FALSE(fits(DType::F8_E4M3, 449));
  EXPECT_FALSE(fits(DType::F8_E4M3, kInf));
  EXPECT_TRUE(fits(DType::F8_E5M2, kInf));
  EXPECT_FALSE(fits(DType::F8_E8M0, -1));
}

TEST(Filled, KeepsIntegersExact) {
  EXPECT_TRUE(fits_exactly(DType::I64, std::numeric_limits<std::int64_t>::min()));
  EXPECT_TRUE(fits_exactly(DType::I64, std::numeric_limits<std::int64_t>::max()));
  EXPECT_FALSE(fits_exactly(DType::U64, -1));
  EXPECT_FALSE(fits_exactly(DType::U8, 256));
  EXPECT_FALSE(fits_exactly(DType::F16, 70000));
}

TEST(Filled, RefusesTypesWithoutArithmetic) { EXPECT_FALSE(fits(DType::C64, 1)); }

TEST(Filled, HasTheShapeAskedFor) {
  const Expr expr = filled({DType::BF16, {3, 2}}, NumberArray{{2}, {1, 2}, {1, 2}});
  EXPECT_EQ(expr.desc(), (TensorDesc{DType::BF16, {3, 2}}));
  EXPECT_THROW(static_cast<void>(filled({DType::F32, {3, 2}}, NumberArray{{3}, {1, 2, 3}, {1, 2, 3}})), Error);
}

}  // namespace
}  // namespace brainsurgery
