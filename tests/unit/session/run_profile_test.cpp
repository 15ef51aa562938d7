// What a run says of a tensor's elements, and of the steps that were done.
#include <gtest/gtest.h>

#include <cmath>

#include "brainsurgery/session.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::read_file;
using testing::TempDir;

struct Silence final : EventSink {
  void on(const Event&) override {}
};

std::shared_ptr<const SourceText> text(const std::string& steps) {
  return std::make_shared<SourceText>(SourceText{"steps", steps});
}

class Profile : public ::testing::Test {
 protected:
  void open(const std::string& plan) {
    run_.reset();
    SessionOptions options;
    options.threads = 2;
    options.sync = false;
    session_ = std::make_unique<Session>(posix_env(), silence_, options);
    auto outcome = session_->start(text(plan), [](const std::string&) { return true; });
    ASSERT_TRUE(outcome.ok()) << to_string(outcome.error());
    run_ = std::move(outcome.value());
  }
  void step(const std::string& steps) {
    const auto outcome = run_->step(text(steps));
    ASSERT_TRUE(outcome.ok()) << to_string(outcome.error());
  }

  TempDir folder_;
  Silence silence_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<brainsurgery::Run> run_;
};

TEST_F(Profile, CountsAndMeasuresTheElements) {
  open("transforms:\n  - zeroes: {target: a, shape: [3, 3]}\n"
       "  - fill_: {target: a, mode: tensor, values: [[0, 1, 2], [3, 4, 5], [6, 7, 8]]}\n");
  const TensorProfile whole = run_->profile({"model", "a", "", 3}).value();
  EXPECT_EQ(whole.part, (TensorInfo{"a", "float32", {3, 3}, true, 36}));
  EXPECT_EQ(whole.elements.count, 9);
  EXPECT_EQ(whole.elements.nan + whole.elements.infinite, 0);
  EXPECT_EQ(whole.elements.zeros, 1);
  EXPECT_EQ(whole.elements.min, 0);
  EXPECT_EQ(whole.elements.max, 8);
  EXPECT_EQ(whole.elements.mean, 4);
  EXPECT_DOUBLE_EQ(*whole.elements.std, std::sqrt(7.5));
  EXPECT_DOUBLE_EQ(*whole.elements.l2, std::sqrt(204.0));
  EXPECT_EQ(whole.histogram->low, 0);
  EXPECT_EQ(whole.histogram->high, 8);
  EXPECT_EQ(whole.histogram->counts, (std::vector<std::int64_t>{3, 3, 3}));
  const TensorProfile row = run_->profile({"model", "a", "[1]", 2, std::pair{3.0, 4.0}}).value();
  EXPECT_EQ(row.elements.count, 3);
  EXPECT_EQ(row.histogram->counts, (std::vector<std::int64_t>{1, 1}));
}

TEST_F(Profile, MeasuresTheFiniteElementsWhereSomeAreNot) {
  open("transforms:\n  - zeroes: {target: a, shape: [4], dtype: bfloat16}\n"
       "  - fill_: {target: a, mode: tensor, values: [-1, 0, 1, 2]}\n"
       "  - compute: {match: a, as: 'where(x == 0, x / x, where(x == 1, 1 / (x - x), x))'}\n");
  const TensorProfile profile = run_->profile({"model", "a", "", 2}).value();
  EXPECT_EQ(profile.elements.nan, 1);
  EXPECT_EQ(profile.elements.infinite, 1);
  EXPECT_EQ(profile.elements.zeros, 0);
  EXPECT_EQ(profile.elements.min, -1);
  EXPECT_EQ(profile.elements.max, 2);
  EXPECT_EQ(profile.elements.mean, 0.5);
  EXPECT_DOUBLE_EQ(*profile.elements.std, std::sqrt(4.5));
  EXPECT_DOUBLE_EQ(*profile.elements.l2, std::sqrt(5.0));
  EXPECT_EQ(profile.histogram->counts, (std::vector<std::int64_t>{1, 1}));
}

TEST_F(Profile, TakesWholeNumbersConstantsAndNothing) {
  open("transforms:\n  - ones: {target: b, shape: [5], dtype: bool}\n"
       "  - ones: {target: none, shape: [2], dtype: float64}\n"
       "  - compute: {match: none, as: '0 / (x - x)'}\n");
  const TensorProfile ones = run_->profile({"model", "b", "", 4}).value();
  EXPECT_EQ(ones.elements.mean, 1);
  EXPECT_EQ(ones.elements.std, 0);
  EXPECT_EQ(ones.histogram->low, 0.5);
  EXPECT_EQ(ones.histogram->counts, (std::vector<std::int64_t>{0, 0, 5, 0}));
  const TensorProfile empty = run_->profile({"model", "b", "[0:0]", 4}).value();
  EXPECT_EQ(empty.elements.count, 0);
  EXPECT_FALSE(empty.elements.min || empty.histogram);
  const TensorProfile all_nan = run_->profile({"model", "none", "", 4}).value();
  EXPECT_EQ(all_nan.elements.nan, 2);
  EXPECT_FALSE(all_nan.elements.mean || all_nan.histogram);
  EXPECT_EQ(run_->profile({"model", "b", "", 70000}).error().code(), ErrorCode::plan);
  EXPECT_STREQ(run_->profile({"model", "z"}).error().what(), "tensor does not exist: model::z");
}

TEST_F(Profile, TheHistoryHasWhatCanBeTakenBack) {
  open("transforms:\n  - ones: {target: a, shape: [2]}\n");
  step("copy: from: a, to: b");
  step("dump: {}");
  step("- scale_: {target: '(a|b)', by: 3}\n\n");
  step("assert: {exists: a}");
  const std::vector<DoneStep> history = run_->history().value();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].text, "copy: from: a, to: b");
  EXPECT_EQ(history[0].created, 1);
  EXPECT_EQ(history[1].text, "scale_: target: (a|b), by: 3");
  EXPECT_EQ(history[1].changed, 2);
  EXPECT_EQ(history[2].created + history[2].changed + history[2].deleted, 0);
  ASSERT_TRUE(run_->undo().value());
  ASSERT_TRUE(run_->undo().value());
  EXPECT_EQ(run_->history().value().size(), 1U);
  EXPECT_EQ(run_->names("model").value(), (std::vector<std::string>{"a", "b"}));
}

// Random values without a seed depend on the place of their step, which steps that failed or were taken back changed.
TEST_F(Profile, ThePlanOfASessionMakesItsResultBitForBit) {
  const std::string input = folder_ / "in.safetensors";
  const std::string mine = folder_ / "mine.safetensors", again = folder_ / "again.safetensors";
  open("transforms:\n  - rand: {target: w.0, shape: [3, 4]}\n  - rand: {target: w.1, shape: [3, 4]}\noutput: " + input + "\n");
  ASSERT_TRUE(run_->write().ok());
  open("inputs: ['" + input + "']\n");
  step("delete: {target: w.0}");
  ASSERT_TRUE(run_->undo().value());
  EXPECT_FALSE(run_->step(text("- copy: {from: w.0, to: c}\n- copy: {from: nothing, to: d}\n\n")).ok());
  step("fill_: {target: c, mode: rand}");
  step("dump: {}");
  step("compute: {match: 'w\\.(.*)', to: 'n.\\1.${i + 1}', as: 'x / norm(x)', where: 'i < 2', each: {i: [0, 1]}}");
  step("- rand: {target: 'r.${i + 1}', shape: [2], each: {i: [0, 1]}}\n\n");
  const std::string plan = run_->plan().value();
  EXPECT_EQ(plan.find("dump"), std::string::npos) << plan;
  step("save: {path: " + mine + "}");
  open(plan);
  step("save: {path: " + again + "}");
  EXPECT_EQ(read_file(mine), read_file(again)) << plan;
}

}  // namespace
}  // namespace brainsurgery
