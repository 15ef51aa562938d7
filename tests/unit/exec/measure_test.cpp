// Conditions that are judged by numbers, and what is predicted of their reading.
#include <gtest/gtest.h>

#include <cstring>

#include "exec/executor.h"
#include "planner/value_plan.h"
#include "support/expressions.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

class MeasureTest : public ::testing::Test {
 protected:
  template <typename T>
  Expr tensor(DType dtype, const std::vector<T>& values, const std::string& name = "in") {
    std::string bytes(values.size() * sizeof(T), '\0');
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    testing::write_file(folder_ / name, bytes);
    return source(posix_env().open(folder_ / name), 0, {dtype, {std::ssize(values)}});
  }
  static Expr sum(const Expr& of) { return reduce(reducer("sum"), {of}); }

  // The numbers as a judge sees them.
  static std::vector<Number> numbers(Executor& executor, const std::vector<Expr>& made) {
    std::vector<Number> seen;
    const auto judge = [&seen](std::span<const Number> values, const Measure&) {
      seen.assign(values.begin(), values.end());
      return Verdict{true, ""};
    };
    EXPECT_TRUE(executor.verdict(checks::Measured{made, judge})->pass);
    return seen;
  }
  std::optional<Verdict> distinct(const std::vector<std::int64_t>& values) {
    const auto reason = [](const Number& value, std::int64_t first, std::int64_t second) {
      return std::to_string(std::get<std::int64_t>(value)) + " " + std::to_string(first) + " " + std::to_string(second);
    };
    return executor_.verdict(checks::DistinctValues{tensor(DType::I64, values), reason});
  }

  testing::TempDir folder_;
  ThreadPool pool_{2};
  Executor executor_{pool_, {.tile_bytes = 1000, .budget_bytes = 1}, nullptr};
};

TEST_F(MeasureTest, NumbersOfOneTensorShareAPassAndAreExact) {
  const Expr a = tensor<std::int64_t>(DType::I64, {1, -5, std::int64_t{1} << 62});
  const std::vector<Expr> made{sum(a), reduce(reducer("min"), {a}), sum(cast(a, DType::F64))};
  EXPECT_EQ(numbers(executor_, made),
            (std::vector<Number>{(std::int64_t{1} << 62) - 4, std::int64_t{-5}, 0x1p62}));
  ValuePlan plan({});
  for (const Expr& number : made) plan.add(number);
  EXPECT_EQ(read_bytes(plan), 24) << "one pass for all";
  EXPECT_EQ(pass_count(plan), 1);
  const Expr u = tensor<std::uint64_t>(DType::U64, {~std::uint64_t{0}, 3}, "u");
  EXPECT_EQ(numbers(executor_, {reduce(reducer("max"), {u})}), (std::vector<Number>{~std::uint64_t{0}}));
}

TEST_F(MeasureTest, BytesAreReadAsPredicted) {
  const Expr a = tensor<float>(DType::F32, std::vector<float>(300'000, 0.5F));
  for (const bool fuse : {true, false}) {
    Executor executor(pool_, {.budget_bytes = 1, .spill_directory = folder_ / "spill", .fuse = fuse}, nullptr);
    ValuePlan plan({fuse});
    plan.add(sum(a));
    plan.add(reduce(reducer("norm"), {scale(a, 2)}));
    EXPECT_EQ(executor.run(plan).size(), 2U);
    EXPECT_EQ(executor.moved().read, read_bytes(plan));
    EXPECT_EQ(executor.moved().read, 1'200'000) << "both share a pass";
  }
}

TEST_F(MeasureTest, ElementsThatWereThereBefore) {
  EXPECT_TRUE(distinct({})->pass);
  EXPECT_TRUE(distinct({7})->pass);
  EXPECT_TRUE(distinct({3, -1, 2})->pass);
  EXPECT_EQ(distinct({3, -1, 2, 4, -1, 3, 3})->reason, "-1 1 4");
}

TEST_F(MeasureTest, ManyElementsAreLookedAtInSeveralPasses) {
  std::vector<std::int64_t> values(200'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i * 7919 % 1'000'003);
  EXPECT_EQ(distinct_passes(std::ssize(values), 1), 4);
  EXPECT_TRUE(distinct(values)->pass);
  const checks::DistinctValues check{tensor(DType::I64, values), nullptr};
  EXPECT_EQ(executor_.moved().read, 4 * walk_bytes(check.a, {}));
  values[150'000] = values[149'999];
  values[199'999] = values[5];
  EXPECT_EQ(distinct(values)->reason, std::to_string(values[149'999]) + " 149999 150000");
  EXPECT_EQ(distinct(std::vector<std::int64_t>(200'000, 9))->reason, "9 0 1");
}

}  // namespace
}  // namespace brainsurgery
