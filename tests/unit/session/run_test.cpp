// Steps behind the plan's, through the public handle: what fails leaves no trace, what is done counts.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "base/interrupt.h"
#include "brainsurgery/session.h"
#include "support/signals.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::read_file;
using testing::TempDir;
using testing::write_file;

struct Printed final : EventSink {
  std::string text;
  void on(const Event& event) override {
    if (const auto* printed = std::get_if<events::Printed>(&event)) text += printed->text;
  }
};

class Interactive : public ::testing::Test {
 protected:
  // Two tensors, and an output that they are written to.
  [[nodiscard]] std::string plan(const std::string& further = "") const {
    return "transforms:\n  - zeroes: {target: a, shape: [2]}\n  - ones: {target: b, shape: [2]}\n" + further +
           "output: " + output_ + "\n";
  }

  Outcome<std::unique_ptr<brainsurgery::Run>> start(const std::string& text) {
    SessionOptions options;
    options.sync = false;
    options.threads = 1;
    options.cancellation = testing::Signals::cancellation();
    session_ = std::make_unique<Session>(posix_env(), printed_, options);
    return session_->start(std::make_shared<SourceText>(SourceText{"plan.yaml", text}),
                           [this](const std::string& question) {
                             questions_ += question + "\n";
                             if (!answer_) throw Error(ErrorCode::run, "nobody answers");
                             return *answer_;
                           });
  }
  void open(const std::string& text) {
    auto outcome = start(text);
    ASSERT_TRUE(outcome.ok()) << to_string(outcome.error());
    run_ = std::move(outcome.value());
  }

  Outcome<StepsReport> submit(const std::string& text) {
    return run_->step(std::make_shared<SourceText>(SourceText{"<prompt>", text}));
  }
  // "": all of it was done.
  std::string error_of(const std::string& text) {
    const auto outcome = submit(text);
    return outcome.ok() ? "" : outcome.error().what();
  }
  std::string finish() {
    const auto outcome = run_->write();
    return outcome.ok() ? outcome.value().summary : to_string(outcome.error());
  }

  TempDir folder_;
  std::string output_ = folder_ / "out.safetensors";
  Printed printed_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<brainsurgery::Run> run_;
  std::optional<bool> answer_ = false;
  std::string questions_;
};

TEST_F(Interactive, PerformsThePlanFirstAndTheOutputLast) {
  open(plan("  - prefixes\n"));
  EXPECT_EQ(printed_.text, "Available model prefixes:\n  model::\n");
  EXPECT_EQ(error_of("copy: from: a, to: c"), "");
  EXPECT_FALSE(std::filesystem::exists(output_));
  const std::string summary = finish();
  EXPECT_TRUE(summary.ends_with("- copy:\n    from: a\n    to: c\n")) << summary;
  EXPECT_TRUE(summary.starts_with("transforms:\n- zeroes:\n")) << summary;
  EXPECT_NE(read_file(output_).find("\"c\""), std::string::npos);
}

TEST_F(Interactive, APlanThatFailsIsNotGoneOnFrom) {
  EXPECT_EQ(start("transforms: [{delete: {target: nope}}]\n").error().code(), ErrorCode::plan);
  EXPECT_EQ(start(plan("  - assert: {equal: {left: a, right: b}}\n")).error().code(), ErrorCode::assertion);
  EXPECT_EQ(start(plan("  - assert: {exists: c}\n")).error().code(), ErrorCode::assertion);
}

TEST_F(Interactive, AStepThatFailsLeavesNoTrace) {
  write_file(folder_ / "file", "no checkpoint");
  const std::vector<std::string> failing{
      "copy: from: nope, to: c",
      "copy: from: (a|b), to: c",  // written twice
      "zap: a: 1",
      "copy: from: a, too: c",
      "assert: exists: nope",
      "assert: equal: {left: a, right: b}",
      "load: path: " + (folder_ / "file") + ", alias: x",
      "load: path: " + (folder_ / "missing") + ", alias: x",
      "load: path: " + (folder_ / "missing") + ", to: c",
      "save: path: " + (folder_ / "file/x.safetensors"),
      "prefixes: mode: rename, from: nope, to: model2",
      "execute: transforms: [{copy: {from: a, to: c}}, {copy: {from: nope, to: d}}]",
      "execute: transforms: [{copy: {from: a, to: c}}, {set: {dry-run: true}}, {assert: {equal: {left: a, right: b}}}]",
      "execute: transforms: [{fill_: {target: a, mode: constant, value: 7}}, {prefixes: {mode: add, alias: x}}, {exit: "
      "{}}, {nope: {}}]",
      "execute: transforms: [{prefixes: {mode: add, alias: x}}, {delete: {target: b}}, {assert: {exists: b}}]",
  };
  const std::vector<std::string> working{"copy: from: a, to: c", "add_: from: b, to: c",
                                         "assert: {reads: {of: a, is: 1}}", "prefixes"};
  open(plan());
  for (const std::string& text : working) EXPECT_EQ(error_of(text), "");
  const std::string summary = finish(), printed = std::exchange(printed_.text, ""), bytes = read_file(output_);
  for (const std::string& wrong : failing) {
    SCOPED_TRACE(wrong);
    open(plan());
    const std::string message = error_of(wrong);
    EXPECT_NE(message, "");
    EXPECT_FALSE(run_->ended());
    // Also what it said does not depend on what failed before.
    EXPECT_EQ(error_of(wrong), message);
    for (const std::string& text : working) {
      EXPECT_EQ(error_of(text), "");
      EXPECT_NE(error_of("copy: from: nope, to: n"), "");
    }
    EXPECT_EQ(finish(), summary);
    EXPECT_EQ(std::exchange(printed_.text, ""), printed);
    EXPECT_EQ(read_file(output_), bytes);
  }
}

TEST_F(Interactive, AnErrorEndsItsBlockOnly) {
  open(plan());
  EXPECT_EQ(error_of("- copy: {from: a, to: c}\n- copy: {from: nope, to: d}\n- copy: {from: a, to: e}\n"),
            "copy.from: no tensor matches 'model::nope'");
  EXPECT_EQ(error_of("- assert: {exists: c}\n- assert: {not: {exists: d}}\n- assert: {not: {exists: e}}\n"), "");
  // A step that cannot be read: nothing is done.
  EXPECT_NE(error_of("- copy: {from: a, to: f}\n- copy: {from: a, too: g}\n"), "");
  EXPECT_EQ(error_of("assert: not: {exists: f}"), "");
}

TEST_F(Interactive, WhatCouldNotBeReadCanBeLater) {
  const std::string input = folder_ / "in.safetensors";
  open(plan("  - save: {path: " + input + "}\n"));
  const std::string bytes = read_file(input);
  std::filesystem::remove(input);
  open("inputs: [" + input + "]\noutput: " + output_ + "\n");
  const auto outcome = submit("copy: from: a, to: c");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), ErrorCode::run);
  EXPECT_TRUE(run_->names("model", "").value().empty());
  write_file(input, bytes);
  EXPECT_EQ(run_->names("model", "").value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(error_of("copy: from: a, to: c"), "");
}

TEST_F(Interactive, SavesAtOnceAndLoadsIt) {
  const std::string path = folder_ / "saved.safetensors";
  open(plan());
  EXPECT_EQ(error_of("save: path: " + path), "");
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(error_of("- fill_: {target: b, mode: constant, value: 5}\n- load: {path: " + path + ", alias: old}\n"), "");
  EXPECT_EQ(run_->aliases().value(), (std::vector<std::string>{"model", "old"}));
  EXPECT_EQ(error_of("assert: equal: {left: 'old::a', right: 'model::a'}"), "");
  EXPECT_NE(error_of("assert: equal: {left: 'old::b', right: 'model::b'}"), "");
  static_cast<void>(finish());
  EXPECT_TRUE(std::filesystem::exists(output_));  // the model that was only loaded is no rival
}

TEST_F(Interactive, ADryRunIsUndone) {
  open(plan());
  EXPECT_EQ(error_of("set: dry-run: true"), "");
  EXPECT_EQ(error_of("- delete: {target: a}\n- assert: {not: {exists: a}}\n- save: {path: " +
                     (folder_ / "x.safetensors") + "}\n"),
            "");
  EXPECT_EQ(error_of("set: dry-run: false"), "");
  EXPECT_EQ(error_of("assert: exists: a"), "");
  EXPECT_EQ(error_of("set: dry-run: true"), "");
  static_cast<void>(finish());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(Interactive, PreviewsAsk) {
  open(plan("  - set: {preview: true}\n  - copy: {from: a, to: p}\n"));
  EXPECT_EQ(questions_, "");
  EXPECT_EQ(std::exchange(printed_.text, ""),
            "preview 4/4 copy: created[1] model::p\npreview session: changed[0], created[1], deleted[0]\n");
  EXPECT_EQ(submit("- copy: {from: a, to: c}\n- assert: {exists: a}\n").value().steps, 1);
  EXPECT_EQ(questions_, "preview 1/2 copy: go/no-go [go/no-go, default no-go]: \n");
  EXPECT_EQ(std::exchange(printed_.text, ""),
            "preview 1/2 copy: created[1] model::c\npreview 1/2 copy: no-go, apply skipped\n"
            "preview 2/2 assert: no tensor impact\npreview session: changed[0], created[1], deleted[0]\n");
  answer_ = true;
  EXPECT_EQ(submit("delete: target: p").value().steps, 1);
  EXPECT_EQ(std::exchange(printed_.text, ""),
            "preview 1/1 delete: deleted[1] model::p\npreview session: changed[0], created[0], deleted[1]\n");
  EXPECT_EQ(error_of("set: preview: false"), "");
  EXPECT_EQ(error_of("assert: not: {exists: (c|p)}"), "");
  const std::string summary = finish();
  EXPECT_EQ(summary.find("to: c"), std::string::npos) << summary;
}

// An exception out of the middle of a step, with nested ones around it.
TEST_F(Interactive, AQuestionThatFailsLeavesNoTrace) {
  open(plan("  - set: {preview: true}\n"));
  answer_.reset();
  EXPECT_EQ(error_of("execute: transforms: [{prefixes: {mode: add, alias: x}}, {delete: {target: a}}]"),
            "nobody answers");
  answer_ = true;
  EXPECT_EQ(error_of("delete: target: b"), "");
  EXPECT_EQ(run_->aliases().value(), std::vector<std::string>{"model"});
  EXPECT_TRUE(finish().ends_with("- delete:\n    target: b\n"));
}

TEST_F(Interactive, ExitEnds) {
  open(plan());
  EXPECT_EQ(submit("- copy: {from: a, to: c}\n- exit\n- delete: {target: '.*'}\n").value().steps, 2);
  EXPECT_TRUE(run_->ended());
  EXPECT_NE(finish().find("- exit: {}\n"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(output_));
  open(plan("  - exit\n"));
  EXPECT_TRUE(run_->ended());
}

TEST_F(Interactive, KnowsWhenALineIsAStep) {
  open(plan());
  for (const char* complete :
       {"", "\n", "   \n", "exit", "dry: a: 1\n", "copy: from: a, to: b\n", "copy\n", "copy: {}\n", "set:\n",
        "prefixes:\n", "zap:\n", "copy:\n  from: a\n\n", "- exit\n\n", "copy:\n  from: a\n  \n"})
    EXPECT_FALSE(run_->wants_more(complete)) << complete;
  for (const char* open : {"copy:\n", " copy : \n", "execute:\n", "assert:\n", "- exit\n", "help: set\n",
                           "copy: from: 'a\n", "{\n", "copy:\n  from: a\n", "# words\n", "\xff\n"})
    EXPECT_TRUE(run_->wants_more(open)) << open;
}

// Steps without a seed draw other numbers each time, and the same in the same session.
TEST_F(Interactive, SeedsDependOnThePlaceInTheSession) {
  const auto draw = [&] {
    open(plan());
    for (const char* text : {"rand: target: r, shape: [4]", "move: from: r, to: first", "rand: target: r, shape: [4]"})
      EXPECT_EQ(error_of(text), "");
    EXPECT_EQ(error_of("assert: not: {equal: {left: r, right: first}}"), "");
    static_cast<void>(finish());
    return read_file(output_);
  };
  EXPECT_EQ(draw(), draw());
}

TEST_F(Interactive, NamesForCompletion) {
  open(plan("  - ones: {target: ab, shape: [1]}\n"));
  EXPECT_EQ(run_->names("model", "a").value(), (std::vector<std::string>{"a", "ab"}));
  EXPECT_EQ(run_->names("model", "").value(), (std::vector<std::string>{"a", "ab", "b"}));
  EXPECT_TRUE(run_->names("model", "x").value().empty());
  EXPECT_TRUE(run_->names("nobody", "").value().empty());
}

TEST_F(Interactive, AnInterruptionDropsTheSubmission) {
  const testing::Signals signals;
  open(plan());
  std::raise(SIGINT);
  EXPECT_EQ(error_of("copy: from: a, to: c"), "interrupted by Ctrl-C");
  EXPECT_TRUE(take_ctrl_c());
  EXPECT_EQ(error_of("copy: from: a, to: c"), "");
}

// The steps of a submission are a plan's steps: the same output either way.
TEST_F(Interactive, EqualsThePlanWithTheSameSteps) {
  const std::string steps =
      "  - copy: {from: a, to: c}\n  - add_: {from: b, to: c}\n  - rand: {target: r, shape: [5]}\n  - delete: {target: "
      "a}\n";
  open(plan(steps));
  const std::string summary = finish(), bytes = read_file(output_);
  open(plan());
  EXPECT_EQ(error_of(steps), "");
  EXPECT_EQ(finish(), summary);
  EXPECT_EQ(read_file(output_), bytes);
}

}  // namespace
}  // namespace brainsurgery
