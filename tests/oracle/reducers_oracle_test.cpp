// Every row of the table of reducers against ATen, where the result does not depend on an order of additions.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "base/thread_pool.h"
#include "brainsurgery/error.h"
#include "exec/executor.h"
#include "kernels/kernels.h"
#include "oracle/reference.h"

namespace brainsurgery::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Reducers : public ::testing::Test {
 protected:
  // Small whole numbers, whose sums are exact; `special`: others as well.
  static Expr operand(DType dtype, const Shape& shape, std::uint64_t seed, bool special) {
    const std::vector<double> others{0.0, -0.0, kInfinity, -kInfinity, 0.1, -1.5, 65504, 3e38, -7.25, 1e-40, kNan};
    std::mt19937_64 engine(seed);
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (double& value : values) {
      value = static_cast<double>(engine() % 5) - 2;
      // Few NaNs, or all results would be one.
      if (special && engine() % 4 == 0) value = others[engine() % (engine() % 16 == 0 ? 11 : 10)];
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(dtype, shape)));
    kernels::cast(DType::F64, values.data(), dtype, bytes.data(), std::ssize(values));
    return literal({dtype, shape}, std::move(bytes));
  }
  // Results that do not depend on rounding.
  static bool is_exact(std::string_view name, const ReducerParameters& parameters) {
    static const std::set<std::string_view> names{"min",   "max",           "argmin", "argmax",
                                                  "count", "count_nonzero", "any",    "all",
                                                  "median", "kth_largest",  "histogram"};
    return names.contains(name) || (name == "norm" && parameters.numbers[0] == kInfinity);
  }
  void expect_equal(const Reducer& row, DType dtype, const Shape& shape, const std::vector<int>& axes,
                    const ReducerParameters& parameters) {
    const bool exact = is_exact(row.name, parameters);
    std::vector<Expr> operands;
    for (std::size_t i = 0; i < row.operands; ++i)
      operands.push_back(operand(dtype, shape, seed_++, exact));
    std::optional<Expr> expr;
    try {
      expr = reduce(row, operands, axes, seed_ % 2 == 0, parameters);
    } catch (const Error&) {
      return;
    }
    ++tested_;
    EXPECT_TRUE(same_elements(expr->dtype(), executor_.evaluate(*expr), evaluate_reference(*expr)))
        << to_string(*expr) << " of " << to_string(dtype) << " " << to_string(shape);
  }

  ThreadPool pool_{1};
  Executor executor_{pool_, {}, nullptr};
  std::uint64_t seed_ = 1;
  int tested_ = 0;
};

TEST_F(Reducers, EqualAten) {
  const std::vector<std::pair<Shape, std::vector<int>>> cuts{
      {{37}, {0}},           {{6, 41}, {1}},   {{41, 6}, {0}},      {{3, 4, 5}, {1}},
      {{3, 4, 5}, {0, 2}},   {{3, 4, 5}, {}},  {{70'000}, {0}},     {{2, 20'001, 3}, {1}},
      {{1, 1}, {0, 1}},      {{}, {}},         {{2, 0, 3}, {0}},    {{5, 17'000}, {0}}};
  for (const Reducer& row : reducers()) {
    // The variance of small numbers has roundings; tests of the executor hold it against long double.
    if (row.name == "var" || row.name == "std" || row.name == "prod") continue;
    tested_ = 0;
    std::vector<ReducerParameters> parameters{{}};
    if (row.name == "norm") parameters = {{{1.0}}, {{kInfinity}}};
    if (row.name == "kth_largest") parameters = {{{1.0}}, {{5.0}}};
    if (row.name == "quantile") parameters = {{{0.0}}, {{0.5}}, {{1.0}}};
    if (row.name == "histogram") parameters = {{{5.0, -2.0, 3.0}}};
    for (const DType dtype : {DType::BOOL, DType::U8, DType::I8, DType::I16, DType::I32, DType::I64, DType::F16,
                              DType::BF16, DType::F32, DType::F64}) {
      for (const auto& [shape, axes] : cuts)
        for (const ReducerParameters& some : parameters) expect_equal(row, dtype, shape, axes, some);
    }
    EXPECT_GT(tested_, 0) << row.name;
  }
}

TEST_F(Reducers, SmallProductsEqualAten) {
  for (const DType dtype : {DType::BOOL, DType::U8, DType::I32, DType::I64, DType::BF16, DType::F32, DType::F64}) {
    expect_equal(reducer("prod"), dtype, {4, 7}, {1}, {});
    expect_equal(reducer("prod"), dtype, {7, 4}, {0}, {});
  }
}

}  // namespace
}  // namespace brainsurgery::testing
