// Statistics and distances: the same for any way of cutting and sharing the work, and what a plain loop over the whole
// tensor finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "exec/executor.h"
#include "graph/conditions.h"
#include "kernels/kernels.h"
#include "support/temp_dir.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Expr numbers(const std::vector<double>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * static_cast<std::size_t>(item_size(dtype)));
  kernels::cast(DType::F64, values.data(), dtype, bytes.data(), static_cast<std::int64_t>(values.size()));
  return literal({dtype, {static_cast<std::int64_t>(values.size())}}, std::move(bytes));
}

TensorStatistics statistics_by(Executor& executor, const Expr& expr) {
  return statistics(executor.numbers(statistics_of(expr)));
}

Difference difference_by(Executor& executor, const ValueComparison& comparison) {
  return difference(comparison, executor.numbers({difference_of(comparison)}).front());
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

class ReductionsTest : public ::testing::Test {
 protected:
  // What `ask` answers; it must not depend on threads, tiles or fusion, to the bit.
  std::vector<double> answer(const std::function<std::vector<double>(Executor&)>& ask) {
    std::vector<double> first;
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      for (const std::int64_t tile_bytes : {1 << 20, 1000, 24}) {
        Executor executor(pool, {.tile_bytes = tile_bytes, .spill_directory = folder_ / "spill", .fuse = threads != 2},
                          nullptr);
        const std::vector<double> found = ask(executor);
        if (first.empty()) first = found;
        EXPECT_TRUE(std::ranges::equal(found, first, same_bits)) << threads << " threads, tiles of " << tile_bytes;
      }
    }
    return first;
  }
  TensorStatistics statistics(const Expr& expr) {
    const std::vector<double> found = answer([&](Executor& executor) -> std::vector<double> {
      const TensorStatistics all = statistics_by(executor, expr);
      return {all.min.value(), all.max.value(), all.mean.value()};
    });
    return {found[0], found[1], found[2]};
  }
  double distance(const Expr& a, const Expr& b) {
    return answer([&](Executor& executor) -> std::vector<double> {
      const Difference found = difference_by(executor, {a, b, 1.0});
      EXPECT_EQ(found.differs, !(found.max_abs.value() <= 1.0));
      EXPECT_EQ(difference_by(executor, {a, b, std::nullopt}).differs, found.max_abs.value() != 0);
      return {*found.max_abs};
    })[0];
  }
  std::vector<double> evaluated(const Expr& expr) {
    ThreadPool pool(1);
    const std::vector<std::byte> bytes = Executor(pool, {}, nullptr).evaluate(cast(expr, DType::F64));
    std::vector<double> values(bytes.size() / sizeof(double));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  testing::TempDir folder_;
};

TEST_F(ReductionsTest, EqualAPlainLoopOverTheWholeTensor) {
  std::mt19937 engine(1);
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes) continue;
    for (const std::int64_t count : {1, 7, 16, 33, 1000, 70001}) {
      std::vector<double> x(static_cast<std::size_t>(count)), y(x.size());
      for (double& value : x) value = static_cast<double>(engine() % 13) * 0.25;
      for (double& value : y) value = static_cast<double>(engine() % 13) * 0.25;
      const Expr a = numbers(x, row.dtype), b = numbers(y, row.dtype);
      x = evaluated(a);
      y = evaluated(b);
      double sum = 0, largest = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        sum += x[i];
        largest = std::max(largest, std::fabs(x[i] - y[i]));
      }
      const TensorStatistics found = statistics(a);
      EXPECT_EQ(found.min, *std::ranges::min_element(x)) << row.name;
      EXPECT_EQ(found.max, *std::ranges::max_element(x)) << row.name;
      const double mean = sum / static_cast<double>(count);
      const double precision = row.dtype == DType::F64                               ? 0x1p-50
                               : row.dtype == DType::BF16 || row.dtype == DType::F16 ? 0x1p-8
                                                                                     : 0x1p-23;
      EXPECT_NEAR(*found.mean, mean, mean * precision) << row.name;
      EXPECT_EQ(distance(a, b), largest) << row.name;
      EXPECT_EQ(distance(a, a), 0) << row.name;
    }
  }
}

TEST_F(ReductionsTest, SumsOfManyMagnitudesDoNotDependOnTheCut) {
  std::mt19937 engine(2);
  std::vector<double> values(150'000);
  for (double& value : values)
    value = std::ldexp(static_cast<double>(engine()) - 0x1p31, static_cast<int>(engine() % 64));
  static_cast<void>(statistics(numbers(values, DType::F64)));
  static_cast<void>(statistics(scale(numbers(values, DType::F32), 0.3)));
}

TEST_F(ReductionsTest, SpecialValues) {
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    const TensorStatistics nan = statistics(numbers({1, kNan, -kInf}, dtype));
    EXPECT_TRUE(std::isnan(*nan.min) && std::isnan(*nan.max) && std::isnan(*nan.mean));
    const TensorStatistics up = statistics(numbers({1, kInf}, dtype));
    EXPECT_EQ(up, (TensorStatistics{1, kInf, kInf}));
    const TensorStatistics both = statistics(numbers({kInf, -kInf}, dtype));
    EXPECT_EQ(both.min, -kInf);
    EXPECT_EQ(both.max, kInf);
    EXPECT_TRUE(std::isnan(*both.mean));
    EXPECT_TRUE(std::isnan(distance(numbers({1, kNan}, dtype), numbers({1, kNan}, dtype))));
    EXPECT_EQ(distance(numbers({kInf, 1}, dtype), numbers({kInf, 2}, dtype)), 1);
    EXPECT_EQ(distance(numbers({kInf}, dtype), numbers({-kInf}, dtype)), kInf);
  }
  EXPECT_EQ(distance(numbers({}, DType::F32), numbers({}, DType::F32)), 0);
}

TEST_F(ReductionsTest, MeansHaveThePrecisionOfTheirDtype) {
  // The values as stored; what PyTorch's mean gives for them.
  const std::vector<double> values{1.01, 1.02, 1.03, 7.7};
  EXPECT_EQ(statistics(numbers(values, DType::BF16)).mean, 2.6875);
  EXPECT_EQ(statistics(numbers(values, DType::F16)).mean, 2.689453125);
  EXPECT_EQ(statistics(numbers({1, 0, 1}, DType::BOOL)).mean, 0.6666666865348816);
  EXPECT_EQ(statistics(numbers({0.1, 0.2, 0.7}, DType::F64)).mean, (0.1 + 0.2 + 0.7) / 3);
}

TEST_F(ReductionsTest, AreNotDefinedWithoutElementsOrArithmetic) {
  ThreadPool pool(1);
  Executor executor(pool, {}, nullptr);
  EXPECT_EQ(statistics_by(executor, literal({DType::F32, {0, 3}}, {})), TensorStatistics{});
  for (const DTypeInfo& row : all_dtypes()) {
    const Shape shape{8};
    const auto bytes = static_cast<std::size_t>(byte_count(row.dtype, shape));
    const Expr zero = literal({row.dtype, shape}, std::vector<std::byte>(bytes));
    const TensorStatistics found = statistics_by(executor, zero);
    EXPECT_EQ(found.min && found.max && found.mean, row.computes) << row.name;
    EXPECT_EQ(difference_by(executor, {zero, zero, 0.5}).max_abs.has_value(), row.computes) << row.name;
    EXPECT_FALSE(difference_by(executor, {zero, zero, 0.5}).differs) << row.name;
    const Expr other = literal({row.dtype, shape}, std::vector<std::byte>(bytes, std::byte{1}));
    EXPECT_TRUE(difference_by(executor, {zero, other, std::nullopt}).differs) << row.name;
    if (!row.computes) {
      EXPECT_TRUE(difference_by(executor, {zero, other, 0.5}).differs) << row.name;
    }
  }
}

}  // namespace
}  // namespace brainsurgery
