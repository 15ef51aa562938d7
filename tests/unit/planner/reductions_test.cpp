// Reductions as materializations: passes that are shared, the order of the elements, the pieces of the work.
#include "planner/reductions.h"

#include <gtest/gtest.h>

#include <random>

#include "planner/compiler.h"
#include "planner/physical_plan.h"
#include "planner/schedule.h"
#include "support/expressions.h"
#include "unit/planner/named_file.h"

namespace brainsurgery {
namespace {

Expr matrix(std::int64_t rows, std::int64_t columns) {
  static const auto file = std::make_shared<const testing::NamedFile>();
  return source(file, 0, {DType::F32, {rows, columns}});
}

TEST(Reductions, OfTheSameElementsShareOnePass) {
  const Expr w = matrix(6, 5);
  const auto of = [&w](const char* name, std::vector<int> axes) {
    return reduce(reducer(name), {w}, std::move(axes), true);
  };
  PhysicalPlan plan({});
  plan.add_tensor(subtract(w, of("mean", {1})));
  plan.add_tensor(of("argmax", {1}));
  plan.add_tensor(of("argmax", {-1}));  // a node of its own
  plan.add_tensor(of("max", {1}));
  ASSERT_EQ(plan.materializations().size(), 1U);
  const Materialization& made = plan.materializations()[0];
  const auto& reduction = std::get<Materialization::Reduction>(made.how);
  EXPECT_EQ(to_string(reduction), "mean, argmax, max of [6, 5, 1]: %0 = load a @0 float32");
  EXPECT_EQ(reduction.results[1].offset, 24);
  EXPECT_EQ(reduction.results[2].offset, 24 + 48);
  EXPECT_EQ(made.bytes, 24 + 48 + 24);
  EXPECT_EQ(made.uses, 4);
  plan.add_tensor(of("max", {0}));
  plan.add_tensor(reduce(reducer("dot"), {w, w}, {1}));
  EXPECT_EQ(plan.materializations().size(), 2U) << "a dot product of the rows joins the pass over rows";
  const std::vector<Stage> stages = Scheduler(plan.materializations(), {}).schedule(plan);
  EXPECT_EQ(byte_counts(plan, stages).read, 3 * 6 * 5 * 4);  // w: by the first tensor, and by the passes
}

TEST(Reductions, OfWhatIsMadeOfOneTensorShareOnePass) {
  const Expr w = matrix(6, 5), wide = cast(w, DType::F64);
  Compiler compiler({});
  for (const Expr& number : {reduce(reducer("count"), {map(operation("is_finite"), {w})}),
                             reduce(reducer("norm"), {wide}), reduce(reducer("sum"), {cast(w, DType::F64)})})
    static_cast<void>(compiler.compile(number));
  ASSERT_EQ(compiler.materializations().size(), 1U);
  EXPECT_EQ(to_string(std::get<Materialization::Reduction>(compiler.materializations()[0].how)),
            "count %1, norm p 2 %0, sum %0 of [1, 30, 1]: %0 = load a @0 float32; %1 = is_finite %0 bool");
}

// A pass that waits for another one of the same tensor is not joined with it.
TEST(Reductions, DoNotWaitForThemselves) {
  const Expr w = matrix(6, 5);
  const Expr centred = subtract(w, reduce(reducer("mean"), {w}, {1}, true));
  Compiler compiler({});
  static_cast<void>(compiler.compile(reduce(reducer("norm"), {centred}, {1}, true)));
  static_cast<void>(compiler.compile(reduce(reducer("max"), {w}, {1}, true)));
  ASSERT_EQ(compiler.materializations().size(), 2U);
  EXPECT_EQ(compiler.materializations()[0].needs, std::vector<int>());
  EXPECT_EQ(compiler.materializations()[1].needs, std::vector<int>{0});
}

TEST(Reductions, BringTheirAxesTogether) {
  const auto order = [](const Shape& shape, const std::vector<int>& axes) {
    const ReductionOrder found = reduction_order(shape, axes);
    return std::pair(found.axes, std::vector{found.shape.outer, found.shape.reduced, found.shape.inner});
  };
  using Axes = std::vector<int>;
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(order({2, 3, 5, 7}, {1, 2}), std::pair(Axes({0, 1, 2, 3}), Sizes({2, 15, 7})));
  EXPECT_EQ(order({2, 3, 5, 7}, {1, 3}), std::pair(Axes({0, 2, 1, 3}), Sizes({10, 21, 1})));
  EXPECT_EQ(order({2, 3, 5, 7}, {0, 2}), std::pair(Axes({0, 2, 1, 3}), Sizes({1, 10, 21})));
  EXPECT_EQ(order({2, 3, 5, 7}, {0, 1, 2, 3}), std::pair(Axes({0, 1, 2, 3}), Sizes({1, 210, 1})));
  EXPECT_EQ(order({}, {}), std::pair(Axes(), Sizes({1, 1, 1})));
}

// Every element of every result is in one piece.
TEST(Reductions, PiecesCoverTheWhole) {
  std::mt19937 engine(1);
  const auto size = [&engine](int bits) { return 1 + static_cast<std::int64_t>(engine() >> (32 - engine() % bits)); };
  for (int i = 0; i < 3000; ++i) {
    const ReductionShape shape{size(12), size(24), size(18)};
    const ReductionGrid grid(shape);
    if (grid.pieces() > 100'000) continue;
    std::int64_t elements = 0;
    for (std::int64_t number = 0; number < grid.pieces(); ++number) {
      const ReductionPiece piece = grid.piece(number);
      ASSERT_GE(piece.block, 0);
      ASSERT_LT(piece.block, grid.blocks());
      ASSERT_TRUE(piece.outers > 0 && piece.count > 0 && piece.columns > 0);
      ASSERT_LE(piece.results(), grid.piece_results());
      ASSERT_TRUE(piece.outers == 1 || (piece.count == shape.reduced && piece.columns == shape.inner));
      ASSERT_EQ(piece.block == 0, piece.first == 0);
      elements += piece.outers * piece.count * piece.columns;
    }
    ASSERT_EQ(elements, shape.elements()) << shape.outer << " " << shape.reduced << " " << shape.inner;
    ASSERT_LE(grid.blocks() * shape.results(), std::max<std::int64_t>(shape.results(), 1 << 19));
  }
}

}  // namespace
}  // namespace brainsurgery
