// Parts that an index names: of files and of what is computed, in any tiles, and what is read for them.
#include <gtest/gtest.h>

#include <cstring>

#include "brainsurgery/error.h"
#include "exec/executor.h"
#include "planner/value_plan.h"
#include "support/expressions.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

class TakeTest : public ::testing::Test {
 protected:
  Expr numbers(Shape shape) {
    std::string bytes;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      const auto value = static_cast<float>(i);
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    testing::write_file(folder_ / "in", bytes);
    return source(posix_env().open(folder_ / "in"), 0, {DType::F32, std::move(shape)});
  }
  static Expr index(const std::vector<std::int64_t>& places) {
    const auto bytes = std::as_bytes(std::span(places));
    return literal({DType::I64, {std::ssize(places)}}, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  // By several tile sizes and budgets.
  void expect_rows(const Expr& expr, const std::vector<float>& expected) {
    for (const std::int64_t tile : {4, 12, 1 << 20}) {
      for (const std::int64_t budget : {0, 1 << 20}) {
        Executor executor(pool_, {.tile_bytes = tile, .budget_bytes = budget, .spill_directory = folder_ / "spill"},
                          nullptr);
        const std::vector<std::byte> bytes = executor.evaluate(expr);
        std::vector<float> found(bytes.size() / sizeof(float));
        std::memcpy(found.data(), bytes.data(), bytes.size());
        EXPECT_EQ(found, expected) << tile << " " << budget;
      }
    }
  }

  testing::TempDir folder_;
  ThreadPool pool_{2};
};

TEST_F(TakeTest, PartsAlongEveryDimension) {
  const Expr base = numbers({2, 3, 2});
  expect_rows(take(base, index({1, 1}), 0), {6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11});
  expect_rows(take(base, index({2, 0, 1}), 1), {4, 5, 0, 1, 2, 3, 10, 11, 6, 7, 8, 9});
  expect_rows(take(base, index({1}), 2), {1, 3, 5, 7, 9, 11});
  expect_rows(permute(take(scale(base, 2), index({2, 0}), 1), {1, 0, 2}), {8, 10, 20, 22, 0, 2, 12, 14});
}

TEST_F(TakeTest, RowsOfAFileAreReadAlone) {
  const Expr base = numbers({100, 512});
  std::vector<float> expected;
  for (const std::int64_t row : {99, 3, 4, 5, 3}) {
    for (std::int64_t i = 0; i < 512; ++i) expected.push_back(static_cast<float>(row * 512 + i));
  }
  const Expr rows = take(base, index({99, 3, 4, 5, 3}), 0);
  expect_rows(rows, expected);
  const auto holds = [](std::span<const Number>, const Measure&) { return Verdict{true, ""}; };
  const checks::Measured sum{{reduce(reducer("sum"), {rows})}, holds};
  Executor executor(pool_, {.spill_directory = folder_ / "spill"}, nullptr);
  ASSERT_TRUE(executor.verdict(sum)->pass);
  EXPECT_EQ(executor.moved().read, 5 * 512 * 4);
  ValuePlan plan({});
  plan.add(sum.numbers.front());
  EXPECT_EQ(read_bytes(plan), 5 * 512 * 4);
}

TEST_F(TakeTest, OnlyWhatIsTakenIsComputed) {
  const Expr rows = take(scale(numbers({100, 512}), 2), index({7}), 0);
  EXPECT_EQ(to_string(rows).substr(0, 40), to_string(scale(take(numbers({100, 512}), index({7}), 0), 2)).substr(0, 40));
}

TEST_F(TakeTest, TheFirstWrongIndexIsNamed) {
  const Expr base = numbers({4, 3});
  for (const int dim : {0, 1}) {
    try {
      Executor executor(pool_, {.tile_bytes = 4, .spill_directory = folder_ / "spill"}, nullptr);
      static_cast<void>(executor.evaluate(take(base, index({1, 9, 2, -1}), dim)));
      ADD_FAILURE() << "taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::run);
      EXPECT_EQ(std::string(error.what()), dim == 0 ? "take: the index has 9 at [1], and there are 4 to take from (0 to 3)"
                                                    : "take: the index has 9 at [1], and there are 3 to take from (0 to 2)");
    }
  }
}

}  // namespace
}  // namespace brainsurgery
