// Undo and redo of a run, and what it shows of tensors.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <thread>

#include "brainsurgery/session.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::read_file;
using testing::TempDir;

struct Seen final : EventSink {
  std::string printed;
  int opened = 0;
  void on(const Event& event) override {
    if (const auto* text = std::get_if<events::Printed>(&event)) printed += text->text;
    if (std::holds_alternative<events::InputOpened>(event)) ++opened;
  }
};

std::shared_ptr<const SourceText> text(const std::string& steps) {
  return std::make_shared<SourceText>(SourceText{"steps", steps});
}

class History : public ::testing::Test {
 protected:
  void open(const std::string& plan) {
    run_.reset();
    SessionOptions options;
    options.threads = 2;
    options.sync = false;
    session_ = std::make_unique<Session>(posix_env(), seen_, options);
    auto outcome = session_->start(text(plan), [](const std::string&) { return true; });
    ASSERT_TRUE(outcome.ok()) << to_string(outcome.error());
    run_ = std::move(outcome.value());
  }
  // "": it was done.
  std::string step(const std::string& steps) {
    const auto outcome = run_->step(text(steps));
    return outcome.ok() ? "" : outcome.error().what();
  }
  [[nodiscard]] std::string delta() const {
    std::string result;
    const Outcome<Delta> changes = run_->delta();
    for (const DeltaEntry& entry : changes.value())
      result += "+~-"[static_cast<int>(entry.kind)] + entry.alias + "::" + entry.name + " ";
    return result;
  }
  // Everything that can be seen: names, dtypes, shapes and the bits of all values.
  std::string state() {
    std::string result;
    const auto aliases = run_->aliases();
    for (const std::string& alias : aliases.value()) {
      result += alias + ":\n";
      const auto tensors = run_->tensors(alias);
      for (const TensorInfo& tensor : tensors.value()) {
        result += tensor.name + " " + tensor.dtype + " " + to_string(tensor.shape);
        const auto value = run_->value({alias, tensor.name, "", false, std::numeric_limits<std::int64_t>::max()});
        for (const Number& number : value.value().values) {
          std::visit([&](auto each) { result += " " + std::to_string(std::bit_cast<std::uint64_t>(each)); }, number);
        }
        result += "\n";
      }
    }
    return result;
  }

  TempDir folder_;
  Seen seen_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<brainsurgery::Run> run_;
};

constexpr const char* kPlan =
    "transforms:\n"
    "  - rand: {target: a, shape: [3, 4], seed: 1}\n"
    "  - rand: {target: b, shape: [3, 4], seed: 2}\n"
    "  - ones: {target: c, shape: [4, 4], dtype: bfloat16}\n";

// One of many kinds of steps, on names that may exist or not; about half of them can be done.
std::string random_step(std::mt19937& random) {
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "other::a", "other::x", "'(a|b|c)'"};
  const std::string one = pick(names), other = pick(names);
  return pick({"copy: {from: " + one + ", to: " + other + "}",
               "move: {from: " + one + ", to: " + other + "}",
               "delete: {target: " + one + "}",
               "add_: {from: " + one + ", to: " + other + "}",
               "scale_: {target: " + one + ", by: 0.5}",
               "cast_: {target: " + one + ", to: float16}",
               "reshape_: {target: " + one + ", shape: [-1]}",
               "compute: {match: " + one + ", as: 'x - mean(x)'}",
               "rand: {target: " + other + ", shape: [2]}",
               "fill_: {target: " + one + ", mode: rand}",
               "assign: {from: " + one + "::[0], to: " + other + "::[1]}",
               "prefixes: {mode: add, alias: other}",
               "prefixes: {mode: rename, from: other, to: third}",
               "prefixes: {mode: remove, alias: third}",
               "set: {dry-run: true}",
               "set: {dry-run: false}",
               "dump: {verbosity: stat}",
               "execute: {transforms: [{copy: {from: " + one + ", to: f}}, {scale_: {target: f, by: 3}}]}"});
}

TEST_F(History, UndoRestoresWhatWasBeforeAndRedoWhatCameAfter) {
  int done = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    open(kPlan);
    std::vector<std::string> states{state()};
    for (int i = 0; i < 8; ++i) {
      const std::string words = random_step(random);
      if (!step(words).empty()) {
        ASSERT_EQ(state(), states.back()) << words;
        continue;
      }
      if (words.starts_with("dump")) {  // looks only: there is nothing to take back
        ASSERT_EQ(state(), states.back());
        continue;
      }
      ++done;
      const std::string after = state(), changes = delta();
      ASSERT_TRUE(run_->undo().value());
      ASSERT_EQ(state(), states.back()) << "seed " << seed << ": " << words;
      ASSERT_TRUE(run_->redo().value());
      ASSERT_EQ(state(), after) << "seed " << seed << ": " << words;
      ASSERT_EQ(delta(), changes);
      ASSERT_FALSE(run_->redo().value());
      // The same step, done again, draws the same numbers.
      ASSERT_TRUE(run_->undo().value());
      ASSERT_EQ(step(words), "");
      ASSERT_EQ(state(), after) << "seed " << seed << ": " << words;
      states.push_back(after);
    }
    for (std::size_t left = states.size(); left > 1; --left) {
      ASSERT_EQ(state(), states[left - 1]);
      ASSERT_TRUE(run_->undo().value());
    }
    ASSERT_EQ(state(), states.front());
    ASSERT_FALSE(run_->undo().value());
    for (std::size_t at = 1; at < states.size(); ++at) {
      ASSERT_TRUE(run_->redo().value());
      ASSERT_EQ(state(), states[at]);
    }
  }
  EXPECT_GT(done, 60);
}

TEST_F(History, AStepBehindAnUndoneOneTakesItsPlace) {
  open(kPlan);
  EXPECT_EQ(step("copy: from: a, to: d"), "");
  EXPECT_EQ(step("- scale_: {target: a, by: 2}\n- delete: {target: b}\n\n"), "");
  EXPECT_EQ(delta(), "-model::b ");
  EXPECT_TRUE(run_->undo().value());
  EXPECT_EQ(delta(), "~model::a ");
  EXPECT_TRUE(run_->undo().value());
  EXPECT_EQ(delta(), "+model::d ");
  EXPECT_EQ(step("move: from: d, to: e"), "");
  EXPECT_FALSE(run_->redo().value());
  EXPECT_EQ(delta(), "-model::d +model::e ");
}

TEST_F(History, TheOutputAndTheSummaryAreThoseOfTheStepsThatStayed) {
  const std::string output = folder_ / "out.safetensors", expected = folder_ / "expected.safetensors";
  open(std::string(kPlan) + "output: " + output + "\n");
  EXPECT_EQ(step("scale_: target: a, by: 2"), "");
  EXPECT_EQ(step("delete: target: b"), "");
  EXPECT_EQ(step("save: path: " + (folder_ / "saved.safetensors")), "");
  EXPECT_TRUE(run_->undo().value());
  EXPECT_TRUE(run_->undo().value());
  EXPECT_TRUE(run_->undo().value());
  EXPECT_TRUE(run_->redo().value());
  const RunReport report = run_->write().value();
  EXPECT_EQ(report.steps, 4);
  EXPECT_EQ(report.outputs.size(), 1U);
  EXPECT_TRUE(report.summary.ends_with("- scale_:\n    target: a\n    by: 2\n")) << report.summary;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "saved.safetensors"));
  open(std::string(kPlan) + "  - scale_: {target: a, by: 2}\noutput: " + expected + "\n");
  ASSERT_TRUE(run_->write().ok());
  EXPECT_EQ(read_file(output), read_file(expected));
}

TEST_F(History, ExitCanBeTakenBack) {
  open(kPlan);
  EXPECT_EQ(step("exit"), "");
  EXPECT_TRUE(run_->ended());
  EXPECT_TRUE(run_->undo().value());
  EXPECT_FALSE(run_->ended());
}

TEST_F(History, InputsAreOpenedOnceAndAreNoChange) {
  const std::string file = folder_ / "in.safetensors";
  open(std::string(kPlan) + "output: " + file + "\n");
  ASSERT_TRUE(run_->write().ok());
  open("inputs: ['x::" + file + "', 'y::" + file + "']\ntransforms: []\n");
  EXPECT_EQ(seen_.opened, 0);
  EXPECT_EQ(step("copy: from: 'x::a', to: 'x::d'"), "");
  EXPECT_EQ(seen_.opened, 1);
  EXPECT_EQ(delta(), "+x::d ");
  EXPECT_TRUE(run_->undo().value());
  EXPECT_EQ(run_->names("x").value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(run_->redo().value());
  EXPECT_EQ(delta(), "+x::d ");
  EXPECT_EQ(seen_.opened, 1);
  EXPECT_EQ(run_->aliases().value(), (std::vector<std::string>{"x", "y"}));
}

TEST_F(History, ShowsTensorsAndPartsOfThem) {
  open("transforms:\n  - ones: {target: a, shape: [2, 3], dtype: int32}\n  - zeroes: {target: b, shape: []}\n"
       "  - scale_: {target: 'a::[1]', by: 7}\n");
  EXPECT_EQ(run_->tensors("model").value(),
            (std::vector<TensorInfo>{{"a", "int32", {2, 3}, true, 24}, {"b", "float32", {}, true, 4}}));
  EXPECT_EQ(run_->tensors("model", "b").value().size(), 1U);
  EXPECT_TRUE(run_->tensors("nobody").value().empty());
  const TensorValue row = run_->value({"model", "a", "[:, 0]", true, 10}).value();
  EXPECT_EQ(row.part, (TensorInfo{"a", "int32", {2}, true, 8}));
  EXPECT_EQ(row.values, (std::vector<Number>{std::int64_t{1}, std::int64_t{7}}));
  EXPECT_EQ(row.statistics, (TensorStatistics{1, 7, 4}));
  EXPECT_EQ(run_->value({"model", "b", "", false, 1}).value().values, (std::vector<Number>{0.0}));
  EXPECT_EQ(run_->value({"model", "b", "", false, 1}).value().statistics, TensorStatistics());
  EXPECT_STREQ(run_->value({"model", "z"}).error().what(), "tensor does not exist: model::z");
  EXPECT_STREQ(run_->value({"nobody", "z"}).error().what(), "there is no model 'nobody'");
  EXPECT_EQ(run_->value({"model", "a", "[5]"}).error().code(), ErrorCode::plan);
}

TEST_F(History, CanBeCancelledAndGoesOn) {
  open(kPlan);
  const std::string before = state();
  run_->cancel();
  EXPECT_EQ(step("copy: from: a, to: d"), "cancelled");
  EXPECT_STREQ(run_->value({"model", "a"}).error().what(), "cancelled");
  run_->resume();
  EXPECT_EQ(state(), before);
  EXPECT_EQ(step("copy: from: a, to: d"), "");
  // From another thread, while a step computes.
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    run_->cancel();
  });
  std::string error;
  while ((error = step("dump: verbosity: stat")).empty()) {
  }
  other.join();
  EXPECT_EQ(error, "cancelled");
}

}  // namespace
}  // namespace brainsurgery
