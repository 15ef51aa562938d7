// In which stages files are written, what lives through them, and what they move.
#include "planner/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "unit/planner/named_file.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

using testing::NamedFile;

constexpr std::int64_t kMiB = 1 << 20;

class ScheduleTest : public ::testing::Test {
 protected:
  Expr at(std::int64_t offset, Shape shape, DType dtype = DType::F32) const {
    return source(file_, offset, {dtype, std::move(shape)});
  }
  // 400 bytes from 120 and 120.
  Expr product(std::int64_t offset) const { return matmul(at(offset, {10, 3}), at(4000 + offset, {3, 10})); }

  static std::vector<Stage> stages_of(const PhysicalPlan& plan, ScheduleLimits limits) {
    return Scheduler(plan.materializations(), limits).schedule(plan);
  }
  static std::int64_t peak(const PhysicalPlan& plan, ScheduleLimits limits) {
    return peak_whole_bytes(stages_of(plan, limits));
  }
  // "make 0 1; write 0 1 drop 0 1"
  static std::string text_of(const std::vector<Stage>& stages) {
    std::string text;
    for (const Stage& stage : stages) {
      std::string part;
      const auto add = [&part](const char* word, const auto& numbers) {
        if (numbers.empty()) return;
        part += (part.empty() ? "" : " ") + std::string(word);
        for (const auto number : numbers) part += " " + std::to_string(number);
      };
      add("make", stage.make);
      add("write", stage.write);
      add("drop", stage.drop);
      text += (text.empty() ? "" : "; ") + part;
    }
    return text;
  }

  std::shared_ptr<const ReadableFile> file_ = std::make_shared<NamedFile>();
};

TEST_F(ScheduleTest, WhatNeedsNothingIsOneStage) {
  PhysicalPlan plan({});
  plan.add_bytes("header__");
  plan.add_tensor(at(8, {4}));
  plan.add_tensor(scale(at(80, {4}), 2));
  plan.add_tensor(at(200, {4}));
  plan.add_checksum(0, 8);
  const std::vector<Stage> stages = stages_of(plan, {});
  EXPECT_EQ(text_of(stages), "write 1 2 3");
  EXPECT_EQ(byte_counts(plan, stages), (ByteCounts{48, 60, 32, 16}));
  EXPECT_EQ(peak_whole_bytes(stages), 0);
  EXPECT_TRUE(stages_of(PhysicalPlan({}), {}).empty());
}

TEST_F(ScheduleTest, IndependentTensorsAreMadeAtTheSameTimeWithinTheBudget) {
  PhysicalPlan plan({});
  for (const int i : {0, 1, 2, 3}) plan.add_tensor(product(i * 200));
  EXPECT_EQ(text_of(stages_of(plan, {.workers = 2})), "make 0 1 2 3; write 0 1 2 3 drop 0 1 2 3");
  EXPECT_EQ(text_of(stages_of(plan, {.workers = 1})), "make 0 1; write 0 1 drop 0 1; make 2 3; write 2 3 drop 2 3");
  const std::string one_by_one =
      "make 0; write 0 drop 0; make 1; write 1 drop 1; make 2; write 2 drop 2; make 3; write 3 drop 3";
  EXPECT_EQ(text_of(stages_of(plan, {.budget_bytes = 1, .workers = 8})), one_by_one);
  EXPECT_EQ(text_of(stages_of(plan, {.budget_bytes = 2 * 640 - 1, .workers = 8})), one_by_one) << "operands count";
  EXPECT_EQ(text_of(stages_of(plan, {.budget_bytes = 2 * 640, .workers = 8})),
            "make 0 1; write 0 1 drop 0 1; make 2 3; write 2 3 drop 2 3");
  EXPECT_EQ(peak(plan, {.budget_bytes = 1}), 400);
  EXPECT_EQ(peak(plan, {.workers = 2}), 1600);
}

TEST_F(ScheduleTest, WhatOthersNeedIsMadeBeforeAndDroppedAfterTheLast) {
  PhysicalPlan chained({});
  chained.add_tensor(matmul(product(0), product(200)));
  EXPECT_EQ(text_of(stages_of(chained, {.workers = 2})), "make 0 1; make 2 drop 0 1; write 0 drop 2");
  EXPECT_EQ(peak(chained, {}), 1200) << "both operands and the result";

  PhysicalPlan kept({});
  const Expr first = product(0);
  kept.add_tensor(first);
  kept.add_tensor(product(200));
  kept.add_tensor(scale(first, 2));
  EXPECT_EQ(text_of(stages_of(kept, {.budget_bytes = 1})), "make 0; write 0; make 1; write 1 drop 1; write 2 drop 0")
      << "the first product is made once";
  EXPECT_EQ(peak(kept, {.budget_bytes = 1}), 800);
}

// What was begun is finished before more is begun, so that few intermediate results exist.
TEST_F(ScheduleTest, ATightBudgetGoesDeepFirst) {
  PhysicalPlan plan({});
  std::vector<Expr> parts;
  for (int i = 0; i < 8; ++i) parts.push_back(matmul(product(i * 200), at(9000, {10, 1})));  // 40 bytes of 400
  plan.add_tensor(concat(parts, 1));
  EXPECT_EQ(peak(plan, {.budget_bytes = 1}), 400 + 8 * 40);
  EXPECT_GT(peak(plan, {.workers = 4}), 8 * 400) << "all at once where there is room";
}

TEST_F(ScheduleTest, LongTasksComeFirst) {
  PhysicalPlan plan({});
  plan.add_tensor(product(0));
  plan.add_tensor(matmul(at(0, {50, 50}), at(0, {50, 50})));
  plan.add_tensor(scale(random({DType::F32, {5, 5}}, nodes::Random::Distribution::uniform, 0, 1, 1), 2));
  EXPECT_EQ(stages_of(plan, {.workers = 4}).front().make, (std::vector{1, 0, 2}));
}

TEST_F(ScheduleTest, StagesEndWhenEnoughIsMapped) {
  PhysicalPlan plan({});
  for (int i = 0; i < 4; ++i) plan.add_tensor(permute(at(i * kMiB, {512, 512}), {1, 0}));
  EXPECT_EQ(text_of(stages_of(plan, {.mapped_bytes = 3 * kMiB / 2})), "write 0 1; write 2 3");
  EXPECT_EQ(text_of(stages_of(plan, {.mapped_bytes = 1})), "write 0; write 1; write 2; write 3");
  EXPECT_EQ(stages_of(plan, {}).front().mapped_bytes, 4 * kMiB);
}

TEST_F(ScheduleTest, EverySegmentIsWrittenOnceAndEveryBufferMadeOnce) {
  for (const std::int64_t budget : {std::int64_t{1}, std::int64_t{2000}, kMiB}) {
    for (const int workers : {1, 2, 7}) {
      PhysicalPlan plan({});
      Expr before = product(0);
      for (int i = 0; i < 30; ++i) {
        const Expr next = i % 3 == 0 ? product(i * 100) : i % 3 == 1 ? matmul(before, product(7)) : at(i * 50, {5});
        plan.add_tensor(i % 3 == 2 ? next : scale(next, i));
        if (i % 3 != 2) before = next;
      }
      std::set<int> made, live;
      std::set<std::size_t> written;
      for (const Stage& stage : stages_of(plan, {.budget_bytes = budget, .workers = workers})) {
        for (const int buffer : stage.make) {
          for (const int needed : plan.materializations()[buffer].needs) EXPECT_TRUE(live.contains(needed));
        }
        for (const int buffer : stage.make) {
          EXPECT_TRUE(made.insert(buffer).second);
          live.insert(buffer);
        }
        for (const std::size_t segment : stage.write) {
          EXPECT_TRUE(written.insert(segment).second);
          const auto* tensor = std::get_if<CompiledTensor>(&plan.segments()[segment].content);
          for (const int needed : tensor == nullptr ? std::vector<int>{} : tensor->needs)
            EXPECT_TRUE(live.contains(needed));
        }
        std::int64_t bytes = 0;
        for (const int buffer : live) bytes += plan.materializations()[buffer].bytes;
        EXPECT_EQ(stage.whole_bytes, bytes);
        for (const int buffer : stage.drop) EXPECT_EQ(live.erase(buffer), 1U);
      }
      EXPECT_EQ(written.size(), plan.segments().size());
      EXPECT_EQ(made.size(), plan.materializations().size());
      EXPECT_TRUE(live.empty());
    }
  }
}

// Factors of one matrix that fall into two shards.
TEST_F(ScheduleTest, FilesOfOneOutputShareWhatIsMade) {
  const auto compiler = std::make_shared<Compiler>(CompileOptions{});
  PhysicalPlan first = PhysicalPlan::with_compiler(compiler), second = PhysicalPlan::with_compiler(compiler);
  const LowRank factors = low_rank(at(0, {40, 30}), 2, SingularMethod::exact);
  first.add_tensor(factors.left);
  second.add_tensor(factors.right);
  ASSERT_EQ(first.materializations().size(), 1U);
  Scheduler scheduler(first.materializations(), {});
  const std::vector<Stage> of_first = scheduler.schedule(first), of_second = scheduler.schedule(second);
  EXPECT_EQ(text_of(of_first), "make 0; write 0");
  EXPECT_EQ(text_of(of_second), "write 0 drop 0");
  EXPECT_EQ(byte_counts(first, of_first).read, 4800);
  EXPECT_EQ(byte_counts(second, of_second).read, 0);
}

}  // namespace
}  // namespace brainsurgery
