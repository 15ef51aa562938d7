// What is copied unchanged and what is computed, what has to exist as a whole, and for how long.
#include "planner/physical_plan.h"

#include <gtest/gtest.h>

#include "unit/planner/named_file.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

using testing::NamedFile;

class PhysicalPlanTest : public ::testing::Test {
 protected:
  static Expr at(const std::shared_ptr<const ReadableFile>& file, std::int64_t offset, Shape shape,
                 DType dtype = DType::F32) {
    return source(file, offset, {dtype, std::move(shape)});
  }
  static Expr part(const Expr& base, const char* text) { return slice(base, select(parse_slice(text), base.shape())); }
  // "copy a @8 size 16; compute 24": the segments, after checking that they follow each other.
  static std::string text_of(const PhysicalPlan& plan) {
    std::string text;
    std::int64_t end = 0;
    for (const Segment& segment : plan.segments()) {
      EXPECT_EQ(segment.offset, end);
      end += segment.size;
      if (!text.empty()) text += "; ";
      if (const auto* copy = std::get_if<Segment::Copy>(&segment.content)) {
        text += "copy " + copy->from.file->path() + " @" + std::to_string(copy->from.offset) + " size " +
                std::to_string(segment.size);
      } else {
        text += (std::holds_alternative<CompiledTensor>(segment.content) ? "compute " : "given ") +
                std::to_string(segment.size);
      }
    }
    EXPECT_EQ(plan.size(), end);
    return text;
  }
  static std::string planned(const std::vector<Expr>& tensors) {
    PhysicalPlan plan({});
    for (const Expr& tensor : tensors) plan.add_tensor(tensor);
    return text_of(plan);
  }

  std::shared_ptr<const ReadableFile> a_ = std::make_shared<NamedFile>("a"), b_ = std::make_shared<NamedFile>("b");
};

TEST_F(PhysicalPlanTest, NeighboursAreOneCopy) {
  EXPECT_EQ(planned({at(a_, 8, {4}), at(a_, 24, {2, 2})}), "copy a @8 size 32");
  EXPECT_EQ(planned({at(a_, 8, {4}), at(a_, 28, {4})}), "copy a @8 size 16; copy a @28 size 16");
  EXPECT_EQ(planned({at(a_, 24, {4}), at(a_, 8, {4})}), "copy a @24 size 16; copy a @8 size 16");
  EXPECT_EQ(planned({at(a_, 8, {4}), at(b_, 24, {4})}), "copy a @8 size 16; copy b @24 size 16");
  EXPECT_EQ(planned({at(a_, 8, {4}), at(b_, 0, {0, 3}), at(a_, 24, {4})}), "copy a @8 size 32");
  PhysicalPlan plan({});
  plan.add_bytes("header__");
  plan.add_tensor(at(a_, 8, {4}));
  plan.add_tensor(scale(at(a_, 24, {3}), 2));
  EXPECT_EQ(text_of(plan), "given 8; copy a @8 size 16; compute 12");
  EXPECT_EQ(plan.bytes_copied(), 16);
  EXPECT_EQ(plan.bytes_computed(), 12);
}

TEST_F(PhysicalPlanTest, WhatOnlyMovedIsCopied) {
  const Expr w = at(a_, 100, {6, 4});
  const std::vector<Expr> unchanged{
      w,
      reshape(w, {2, 12}),
      permute(permute(w, {1, 0}), {1, 0}),
      concat({part(w, "[:2]"), part(w, "[2:3]"), part(w, "[3:]")}, 0),
      reshape(concat({reshape(part(w, "[:3]"), {1, 3, 4}), reshape(part(w, "[3:]"), {1, 3, 4})}, 1), {6, 4}),
      part(concat({at(b_, 0, {1, 4}), w}, 0), "[1:]"),
      permute(reshape(w, {1, 6, 4}), {1, 0, 2}),
      broadcast(w, {1, 6, 4}),
  };
  for (const Expr& expr : unchanged) EXPECT_EQ(planned({expr}), "copy a @100 size 96") << to_string(expr);
  EXPECT_EQ(planned({part(w, "[2:4]")}), "copy a @132 size 32");
  EXPECT_EQ(planned({part(w, "[5, 1:]")}), "copy a @184 size 12");
  EXPECT_EQ(planned({concat({at(b_, 0, {1, 4}), w}, 0)}), "copy b @0 size 16; copy a @100 size 96");
  EXPECT_EQ(planned({concat({at(b_, 0, {6, 1}), w}, 1)}), "compute 120");
  EXPECT_EQ(planned({permute(w, {1, 0})}), "compute 96");
  EXPECT_EQ(planned({concat({at(a_, 0, {2, 2}, DType::F4), at(b_, 9, {1, 2}, DType::F4)}, 0)}),
            "copy a @0 size 2; copy b @9 size 1");
}

TEST_F(PhysicalPlanTest, ConcatenationsAreComputedPartByPart) {
  const Expr w = at(a_, 0, {4, 4});
  EXPECT_EQ(planned({concat({w, scale(w, 2), w}, 0)}), "copy a @0 size 64; compute 64; copy a @0 size 64");
  Expr nested = w;
  for (int i = 0; i < 200; ++i) nested = concat({nested, at(b_, 64 * i, {1, 4})}, 0);
  PhysicalPlan plan({});
  plan.add_tensor(nested);
  EXPECT_EQ(plan.size(), 64 + 200 * 16);
}

TEST_F(PhysicalPlanTest, ElementwiseChainsNeedNoWholeTensor) {
  Expr expr = at(a_, 0, {100, 100});
  for (int i = 0; i < 50; ++i) expr = add(scale(expr, 0.5), at(b_, 0, {100, 100}));
  PhysicalPlan plan({});
  plan.add_tensor(expr);
  EXPECT_TRUE(plan.materializations().empty());
}

TEST_F(PhysicalPlanTest, RandomReadingNeedsElementsAtTheirAlignment) {
  PhysicalPlan even({}), odd({});
  even.add_tensor(permute(at(a_, 100, {10, 10}), {1, 0}));
  odd.add_tensor(permute(at(a_, 101, {10, 10}), {1, 0}));
  EXPECT_TRUE(even.materializations().empty());
  ASSERT_EQ(odd.materializations().size(), 1U) << "packed by reading first";
  EXPECT_EQ(to_string(*std::get<ProgramPtr>(odd.materializations().front().how)), "%0 = load a @101 float32");
  EXPECT_TRUE(Compiler({}).compile(at(a_, 101, {2, 0, 3})).needs.empty());
}

// Both factors, of several ranks, in steps that know nothing of each other.
TEST_F(PhysicalPlanTest, OneMatrixIsFactorisedOnce) {
  const Expr matrix = at(a_, 0, {40, 30});
  PhysicalPlan plan({});
  for (const std::int64_t rank : {2, 16}) {
    const LowRank factors = low_rank(matrix, rank, SingularMethod::exact);
    plan.add_tensor(cast(factors.right, DType::F32));
    plan.add_tensor(factors.left);
  }
  EXPECT_EQ(text_of(plan), "compute 240; compute 640; compute 1920; compute 5120");
  ASSERT_EQ(plan.materializations().size(), 1U);
  const Materialization& made = plan.materializations().front();
  EXPECT_EQ(made.uses, 4);
  EXPECT_EQ(made.desc, (TensorDesc{DType::F64, {70, 16}}));
  EXPECT_GT(made.work_bytes, 2 * 40 * 30 * 8) << "the decomposition itself needs memory";

  plan.add_tensor(low_rank(matrix, 17, SingularMethod::exact).left);
  EXPECT_EQ(plan.materializations().size(), 2U) << "more values than were found";
  plan.add_tensor(low_rank(matrix, 2, SingularMethod::krylov).left);
  EXPECT_EQ(plan.materializations().size(), 3U) << "another method";
  plan.add_tensor(low_rank(at(a_, 0, {40, 30}), 2, SingularMethod::exact).left);
  EXPECT_EQ(plan.materializations().size(), 4U) << "another tensor, though of the same bytes";
}

TEST_F(PhysicalPlanTest, HalvesAreFactorisedInFloat) {
  PhysicalPlan plan({});
  plan.add_tensor(low_rank(at(a_, 0, {4, 3}, DType::BF16), 1, SingularMethod::exact).left);
  ASSERT_EQ(plan.materializations().size(), 2U);
  EXPECT_EQ(plan.materializations()[0].desc, (TensorDesc{DType::F32, {4, 3}}));
  EXPECT_EQ(plan.materializations()[1].needs, std::vector{0});
  PhysicalPlan wide({});
  wide.add_tensor(low_rank(at(a_, 0, {4, 3}, DType::F64), 1, SingularMethod::exact).left);
  EXPECT_EQ(wide.materializations().size(), 1U) << "read where it is";
}

TEST_F(PhysicalPlanTest, MaterializationsNeedOnlyEarlierOnes) {
  Expr expr = at(a_, 0, {8, 8});
  for (int i = 0; i < 900; ++i)
    expr = i % 50 == 0   ? permute(reshape(scale(expr, 2), {4, 16}), {1, 0})
           : i % 50 == 1 ? reshape(expr, {8, 8})
                         : scale(expr, 3);
  PhysicalPlan plan({});
  plan.add_tensor(expr);
  const std::vector<Materialization>& all = plan.materializations();
  EXPECT_GE(all.size(), 3U);
  for (int i = 0; std::cmp_less(i, all.size()); ++i) {
    for (const int needed : all[i].needs) EXPECT_LT(needed, i);
  }
}

}  // namespace
}  // namespace brainsurgery
