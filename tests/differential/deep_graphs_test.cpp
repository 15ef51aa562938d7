// Graphs deeper than the compiler's recursion, and graphs with very many paths.
#include <gtest/gtest.h>

#include "differential/configurations.h"
#include "differential/sources.h"
#include "oracle/reference.h"
#include "support/expressions.h"

namespace brainsurgery::testing {
namespace {

class DeepGraphs : public ::testing::Test {
 protected:
  void expect_all_agree(const Expr& expr) {
    const std::vector<std::byte> expected = evaluate_reference(expr);
    for (const Configuration& configuration :
         {Configuration{1, 512 << 10, true, false}, Configuration{2, 64, true, true},
          Configuration{3, 4096, false, false}}) {
      EXPECT_TRUE(same_elements(expr.dtype(), evaluator_.executor(configuration).evaluate(expr), expected))
          << configuration.text();
    }
  }
  Expr leaf(const TensorDesc& desc) { return sources_.any(engine_, desc); }

  Sources sources_{2};
  Engine engine_{2};
  Evaluator evaluator_;
};

TEST_F(DeepGraphs, ElementwiseChain) {
  Expr expr = leaf({DType::BF16, {13, 7}});
  const Expr other = leaf({DType::BF16, {13, 7}});
  for (int i = 0; i < 2000; ++i) {
    expr = i % 3 == 0   ? add(expr, other)
           : i % 3 == 1 ? scale(expr, 0.75)
                        : clamp(expr, -50.0, 50.0);
  }
  expect_all_agree(expr);
}

TEST_F(DeepGraphs, ManyOverwritesOfOneTensor) {
  Expr expr = leaf({DType::F32, {40, 9}});
  for (int i = 0; i < 600; ++i) {
    const Region row{{{draw(engine_, 40), 1, 1, true}, {draw(engine_, 5), 3, 1 + i % 2, false}}};
    expr = overwrite(expr, row, leaf({DType::F32, {3}}));
  }
  expect_all_agree(expr);
}

// Every value is a part of the tensor as it is at that time.
TEST_F(DeepGraphs, OverwritesWithPartsOfItself) {
  Expr expr = leaf({DType::I16, {30, 4}});
  for (int i = 0; i < 600; ++i) {
    const Region to{{{draw(engine_, 30), 1, 1, false}, {0, 4, 1, false}}};
    const Region from{{{draw(engine_, 30), 1, 1, false}, {0, 4, 1, false}}};
    expr = overwrite(expr, to, scale(slice(expr, from), 3));
  }
  expect_all_agree(expr);
}

TEST_F(DeepGraphs, NestedSlices) {
  Expr expr = scale(leaf({DType::I32, {5100}}), 7);
  for (int i = 0; i < 5000; ++i) {
    const std::int64_t size = expr.shape().front();
    expr = slice(expr, {{{i % 2, size - 1, 1, false}}});
  }
  ASSERT_EQ(expr.shape(), Shape({100}));
  expect_all_agree(expr);
}

TEST_F(DeepGraphs, NestedConcatsAndPermutations) {
  Expr expr = leaf({DType::U8, {2, 3}});
  for (int i = 0; i < 700; ++i) {
    expr = permute(concat({expr, slice(expr, {{{0, 1, 1, false}, {0, expr.shape()[1], 1, false}}})}, 0), {1, 0});
    if (element_count(expr.shape()) > 300) expr = slice(expr, {{{1, 3, 1, false}, {2, 4, 1, false}}});
  }
  expect_all_agree(expr);
}

// 2^40 ways through 40 nodes.
TEST_F(DeepGraphs, Doublings) {
  Expr expr = leaf({DType::I64, {3, 5}});
  for (int i = 0; i < 40; ++i) expr = i % 2 == 0 ? add(expr, expr) : multiply(expr, expr);
  expect_all_agree(expr);
}

// The same, each step seen through two different views.
TEST_F(DeepGraphs, DoublingsThroughViews) {
  Expr expr = leaf({DType::I64, {6}});
  for (int i = 0; i < 60; ++i) {
    const Expr low = slice(expr, {{{0, 3, 1, false}}}), high = slice(expr, {{{3, 3, 1, false}}});
    expr = concat({add(low, high), subtract(low, high)}, 0);
  }
  expect_all_agree(expr);
}

TEST_F(DeepGraphs, ChainsAreDestroyedWithoutRecursion) {
  Expr expr = leaf({DType::F32, {2}});
  for (int i = 0; i < 500'000; ++i) expr = scale(expr, 2);
  EXPECT_EQ(expr.node().depth(), 500'001);
}

}  // namespace
}  // namespace brainsurgery::testing
