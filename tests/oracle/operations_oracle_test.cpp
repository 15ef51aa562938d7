// Every row of the table of operations against ATen, and dtypes that ATen lacks against what they are computed in.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/thread_pool.h"
#include "brainsurgery/error.h"
#include "exec/executor.h"
#include "kernels/kernels.h"
#include "oracle/reference.h"

namespace brainsurgery::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// All pairs of special values, and random ones.
std::vector<double> values(std::size_t n, std::uint64_t seed, bool is_divisor) {
  const std::vector<double> special{0.0,  -0.0, 1,    -1,        2,          -2,   3,        -3,     0.5,  -0.5,
                                    1.5,  -1.5, 2.5,  -2.5,      0.1,        -0.1, 127,      -128,   100,  255,
                                    1e-5, 1e4,  65504, -kInfinity, kInfinity, kNan, 16777217, 3.4e38, -7.0, 12.75};
  std::vector<double> result;
  for (std::size_t i = 0; i < special.size() * special.size(); ++i)
    result.push_back(special[is_divisor ? i % special.size() : i / special.size()]);
  std::mt19937_64 engine(seed);
  while (result.size() < n) result.push_back(std::ldexp(static_cast<double>(static_cast<std::int64_t>(engine())), -60));
  return result;
}

class Operations : public ::testing::Test {
 protected:
  static constexpr std::size_t kCount = 4099;

  // `divides`: for a remainder, which ATen does not find where the quotient is very large, nor for integers where the
  // divisor is 0, or -1 and the dividend the smallest one.
  static Expr operand(DType dtype, std::uint64_t number, bool divides) {
    std::vector<double> numbers = values(kCount, number, number % 2 == 1);
    if (divides) {
      for (double& value : numbers)
        if (!(std::abs(value) < 120 && (number == 0 || std::abs(value) >= 2))) value = 7;
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(dtype, {kCount})));
    kernels::cast(DType::F64, numbers.data(), dtype, bytes.data(), kCount);
    return literal({dtype, {kCount}}, std::move(bytes));
  }
  // nullopt: not defined for the dtype.
  static std::optional<Expr> applied(const Operation& operation, DType dtype) {
    const bool divides = operation.name == "floor_divide" || operation.name == "remainder";
    std::vector<Expr> operands;
    for (std::size_t i = 0; i < operation.operands; ++i)
      operands.push_back(operand(dtype, i, divides));
    if (operation.name == "where") operands[0] = operand(DType::BOOL, 5, false);
    Parameters parameters;
    if (operation.name == "scale") parameters.numbers[0] = 3;
    if (operation.name == "clamp") parameters.numbers = {-1.0, 100.0};
    if (operation.name == "cast") parameters.dtype = DType::F32;
    try {
      return map(operation, std::move(operands), parameters);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  ThreadPool pool_{1};
  Executor executor_{pool_, {}, nullptr};
};

TEST_F(Operations, EqualAten) {
  for (const Operation& operation : operations()) {
    int tested = 0;
    for (const DType dtype : {DType::BOOL, DType::U8, DType::I8, DType::I16, DType::I32, DType::I64, DType::F16,
                              DType::BF16, DType::F32, DType::F64}) {
      const std::optional<Expr> expr = applied(operation, dtype);
      if (!expr) continue;
      ++tested;
      EXPECT_TRUE(same_elements(expr->dtype(), executor_.evaluate(*expr), evaluate_reference(*expr)))
          << operation.name << " of " << to_string(dtype);
    }
    EXPECT_GT(tested, 0) << operation.name;
  }
}

// Computed in the wide type and rounded once.
TEST_F(Operations, OfSmallTypesAreThoseOfTheWideOne) {
  const std::vector<std::pair<DType, DType>> wide{
      {DType::F8_E4M3, DType::F32},     {DType::F8_E5M2, DType::F32}, {DType::F8_E8M0, DType::F32},
      {DType::F8_E4M3FNUZ, DType::F32}, {DType::F8_E5M2FNUZ, DType::F32}, {DType::F16, DType::F32},
      {DType::BF16, DType::F32},        {DType::U16, DType::I64},     {DType::U32, DType::I64}};
  for (const Operation& operation : operations()) {
    if (operation.name == "cast" || operation.name == "clamp") continue;  // clamp rounds its limits, and keeps NaN
    for (const auto& [dtype, computed] : wide) {
      const std::optional<Expr> expr = applied(operation, dtype);
      if (!expr) continue;
      const auto& node = std::get<nodes::Map>(expr->node().kind());
      std::vector<Expr> operands = node.parts;
      for (Expr& part : operands)
        if (part.dtype() == dtype) part = cast(part, computed);
      const Expr expected = cast(map(operation, operands, node.parameters), expr->dtype());
      EXPECT_TRUE(executor_.evaluate(*expr) == executor_.evaluate(expected)) << operation.name << " of "
                                                                             << to_string(dtype);
    }
  }
}

TEST_F(Operations, IntegersWrapAndAreNotDividedByZero) {
  const auto number = [](std::int32_t value) {
    const auto bytes = std::bit_cast<std::array<std::byte, 4>>(value);
    return literal({DType::I32, {1}}, {bytes.begin(), bytes.end()});
  };
  const Expr one = number(1), zero = number(0), smallest = number(std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(executor_.evaluate(map(operation("floor_divide"), {smallest, number(-1)})), executor_.evaluate(smallest));
  EXPECT_EQ(executor_.evaluate(map(operation("remainder"), {smallest, number(-1)})), executor_.evaluate(zero));
  for (const char* name : {"floor_divide", "remainder"}) {
    try {
      static_cast<void>(executor_.evaluate(map(operation(name), {one, zero})));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::run);
      EXPECT_STREQ(error.what(), "an integer is divided by zero");
    }
  }
}

// As Python has them, but for the zero divisor, which gives what IEEE 754 says of the quotient.
TEST_F(Operations, QuotientsOfFloats) {
  const auto number = [](float value) {
    const auto bytes = std::bit_cast<std::array<std::byte, 4>>(value);
    return literal({DType::F32, {1}}, {bytes.begin(), bytes.end()});
  };
  const auto applied_to = [&](const char* name, double a, double b) {
    const std::vector<std::byte> bytes =
        executor_.evaluate(map(operation(name), {number(static_cast<float>(a)), number(static_cast<float>(b))}));
    float value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  };
  const auto floor_of = [&](double a, double b) { return applied_to("floor_divide", a, b); };
  const auto rest_of = [&](double a, double b) { return applied_to("remainder", a, b); };
  EXPECT_EQ(floor_of(7, -2), -4);
  EXPECT_EQ(rest_of(7, -2), -1);
  EXPECT_EQ(floor_of(-1, kInfinity), -1);
  EXPECT_EQ(rest_of(-1, kInfinity), kInfinity);
  EXPECT_EQ(floor_of(1, kInfinity), 0);
  EXPECT_EQ(floor_of(1, 0), kInfinity);
  EXPECT_TRUE(std::isnan(rest_of(1, 0)));
  EXPECT_TRUE(std::isnan(floor_of(kInfinity, 2)));
  EXPECT_EQ(rest_of(3e38, 0.75), std::fmod(3e38F, 0.75F));
  EXPECT_EQ(rest_of(1, 0x1p-148), 0);
}

}  // namespace
}  // namespace brainsurgery::testing
