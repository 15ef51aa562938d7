// Every row of the table of operations against ATen, and dtypes that ATen lacks against what they are computed in.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
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
  // The numbers from 0 on, halved.
  static std::shared_ptr<const LookupTable> table_of(DType dtype, std::int64_t size) {
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < size; ++i) numbers.push_back(static_cast<double>(i) / 2);
    std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(dtype, {size})));
    kernels::cast(DType::F64, numbers.data(), dtype, bytes.data(), size);
    return std::make_shared<const LookupTable>(LookupTable{dtype, std::move(bytes)});
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
      if (operation.name == "lookup") {
        parameters.table = table_of(DType::BF16, 100);
        operands[0] = map(brainsurgery::operation("clamp"), {operands[0]}, {.numbers = {0.0, 99.0}});
      }
      if (operation.name == "pow" && is_integer(dtype))
        operands[1] = map(brainsurgery::operation("clamp"), {operands[1]}, {.numbers = {0.0, 99.0}});
      return map(operation, std::move(operands), parameters);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // ATen's own results are up to two units off. Subnormal ones it may take for 0.
  void expect_close_to_aten(const Expr& expr, std::string_view name) {
    constexpr double kMostUnits = 3;
    const DType dtype = expr.dtype();
    const double unit = dtype == DType::F64 ? 0x1p-52 : dtype == DType::F32 ? 0x1p-23 : dtype == DType::F16 ? 0x1p-10 : 0x1p-7;
    const double smallest = dtype == DType::F64 ? 0x1p-1022 : dtype == DType::F16 ? 0x1p-14 : 0x1p-126;
    const auto doubles = [dtype](const std::vector<std::byte>& bytes) {
      std::vector<double> numbers(kCount);
      kernels::cast(dtype, bytes.data(), DType::F64, numbers.data(), kCount);
      return numbers;
    };
    const std::vector<double> ours = doubles(executor_.evaluate(expr)), theirs = doubles(evaluate_reference(expr, true));
    for (std::size_t i = 0; i < kCount; ++i) {
      const double a = ours[i], b = theirs[i];
      const bool same = a == b || (std::isnan(a) && std::isnan(b));
      const bool close = std::abs(a - b) <= kMostUnits * unit * std::max(std::abs(b), smallest);
      ASSERT_TRUE(same || close || (std::abs(a) < smallest && std::abs(b) < smallest))
          << name << " of " << to_string(dtype) << ", element " << i << ": " << a << ", ATen's " << b;
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
      if (is_approximate(operation, dtype)) {
        expect_close_to_aten(*expr, operation.name);
        continue;
      }
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

TEST_F(Operations, LookupGivesValuesOfEveryWidth) {
  for (const DType dtype : {DType::U8, DType::BF16, DType::F32, DType::F64}) {
    const Parameters parameters{.numbers = {}, .dtype = {}, .table = table_of(dtype, 300)};
    const std::vector<std::byte>& table = parameters.table->elements;
    std::vector<std::byte> indices(600);
    for (std::size_t i = 0; i < 300; ++i) {
      const auto index = static_cast<std::uint16_t>(299 - i);
      std::memcpy(&indices[2 * i], &index, 2);
    }
    const Expr expr = map(operation("lookup"), {literal({DType::U16, {300}}, indices)}, parameters);
    EXPECT_EQ(expr.dtype(), dtype);
    std::vector<std::byte> expected;
    const std::int64_t item = item_size(dtype);
    for (std::int64_t i = 299; i >= 0; --i)
      expected.insert(expected.end(), table.begin() + i * item, table.begin() + (i + 1) * item);
    EXPECT_EQ(executor_.evaluate(expr), expected) << to_string(dtype);
  }
}

TEST_F(Operations, AnIndexBeyondTheTableEndsTheRun) {
  const auto message = [&](std::int32_t index, std::int64_t size) -> std::string {
    const auto bytes = std::bit_cast<std::array<std::byte, 4>>(index);
    try {
      static_cast<void>(executor_.evaluate(map(operation("lookup"),
                                               {literal({DType::I32, {1}}, {bytes.begin(), bytes.end()})},
                                               {.numbers = {}, .dtype = {}, .table = table_of(DType::F32, size)})));
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(message(15, 16), "");
  EXPECT_EQ(message(16, 16), "index 16 is beyond the table, which has 16 values");
  EXPECT_EQ(message(-1, 16), "index -1 is beyond the table, which has 16 values");
  EXPECT_EQ(message(0, 0), "a table has 1 to 65536 values, not 0");
  EXPECT_EQ(message(0, 65537), "a table has 1 to 65536 values, not 65537");
}

TEST_F(Operations, ParametersAreEqualIfTheirTablesHoldTheSame) {
  const auto of = [](std::int64_t size) { return Parameters{.numbers = {}, .dtype = {}, .table = table_of(DType::F32, size)}; };
  EXPECT_EQ(of(4), of(4));
  EXPECT_NE(of(4), of(5));
  EXPECT_NE(of(4), Parameters{});
  EXPECT_EQ(describe(operation("lookup"), of(4)), "lookup in 4 values");
}

TEST_F(Operations, PowersOfIntegersWrapAndAreNotNegative) {
  const auto number = [](std::int8_t value) { return literal({DType::I8, {1}}, {static_cast<std::byte>(value)}); };
  const auto power = [&](int a, int b) {
    return static_cast<std::int8_t>(executor_.evaluate(map(
        operation("pow"), {number(static_cast<std::int8_t>(a)), number(static_cast<std::int8_t>(b))})).front());
  };
  EXPECT_EQ(power(-3, 3), -27);
  EXPECT_EQ(power(0, 0), 1);
  EXPECT_EQ(power(2, 7), -128);
  EXPECT_EQ(power(2, 8), 0);
  EXPECT_EQ(power(3, 127), static_cast<std::int8_t>(0xAB));
  try {
    static_cast<void>(power(2, -1));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "an integer is raised to a negative power");
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
