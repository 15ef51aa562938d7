// What assertions on values answer, against an element-by-element comparison.
#include <gtest/gtest.h>

#include <cstring>

#include "differential/configurations.h"
#include "differential/random_expr.h"
#include "graph/conditions.h"
#include "oracle/reference.h"
#include "support/expressions.h"

namespace brainsurgery::testing {
namespace {

class Checks : public ::testing::Test {
 protected:
  void expect_answer(const checks::Measured& check, bool expected, const std::string& what) {
    ++(expected ? held_ : failed_);
    for (int i = 0; i < 4; ++i) {
      const Configuration& configuration = configurations_[draw(engine_, std::ssize(configurations_))];
      const std::optional<Verdict> answer = evaluator_.executor(configuration).verdict(check);
      ASSERT_EQ(answer->pass, expected) << what << "\n" << configuration.text();
    }
  }

  // The same elements, a few of them changed by a little or by much.
  Expr nearly(const Expr& expr) {
    const std::int64_t count = element_count(expr.shape());
    if (count == 0 || chance(engine_, 0.3)) return expr;
    Expr flat = reshape(expr, {count});
    const std::int64_t at = draw(engine_, count);
    const Region one{{{at, 1, 1, false}}};
    const Expr other = chance(engine_, 0.5)
                           ? sources_.any(engine_, {expr.dtype(), {1}})
                           : cast(add(cast(slice(flat, one), DType::F64), half_), expr.dtype());
    return reshape(overwrite(flat, one, other), expr.shape());
  }

  Sources sources_{3};
  Engine engine_{static_cast<std::uint64_t>(setting("BS_SEED", 1))};
  Evaluator evaluator_;
  std::vector<Configuration> configurations_ = all_configurations();
  Expr half_ = literal({DType::F64, {1}}, [] {
    const double half = 0.5;
    std::vector<std::byte> bytes(sizeof half);
    std::memcpy(bytes.data(), &half, sizeof half);
    return bytes;
  }());
  int held_ = 0, failed_ = 0;
};

TEST_F(Checks, EqualValues) {
  for (std::int64_t i = 0; i < setting("BS_GRAPHS", 3000) / 4; ++i) {
    const Expr a = RandomGraph(engine_, sources_, {5, 6, 500}).build();
    const Expr b = nearly(a);
    std::optional<double> eps;
    if (chance(engine_, 0.6)) eps = std::vector<double>{0, 0.25, 0.5, 1, 100}[draw(engine_, 5)];
    expect_answer(equal_values(a, b, eps, ""), equal_by_reference(a, b, eps), to_string(a) + "\n" + to_string(b));
    if (HasFatalFailure()) FAIL() << "graph " << i;
  }
  EXPECT_GT(held_, 50);
  EXPECT_GT(failed_, 50);
}

TEST_F(Checks, SmallValues) {
  for (std::int64_t i = 0; i < setting("BS_GRAPHS", 3000) / 4; ++i) {
    const Expr a = RandomGraph(engine_, sources_, {5, 6, 500}).build();
    const double eps = std::vector<double>{0, 0.5, 4, 32, 1e5}[draw(engine_, 5)];
    expect_answer(small_values(a, eps, ""), small_by_reference(a, eps), to_string(a));
    if (HasFatalFailure()) FAIL() << "graph " << i;
  }
  EXPECT_GT(held_, 50);
  EXPECT_GT(failed_, 50);
}

}  // namespace
}  // namespace brainsurgery::testing
