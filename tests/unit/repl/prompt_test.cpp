#include "repl/prompt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <sstream>

#include "repl/prompt_words.h"
#include "support/signals.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

struct Printed final : EventSink {
  std::string text;
  void on(const Event& event) override {
    if (const auto* printed = std::get_if<events::Printed>(&event)) text += printed->text;
  }
};

// Lines that were written down before; "^C" is Ctrl-C, and behind the last comes the end.
class Script final : public LineReader {
 public:
  explicit Script(std::deque<std::string> lines) : lines_(std::move(lines)) {}
  Line read(const std::string& prompt, LineHelp*) override {
    prompts += prompt + "|";
    if (lines_.empty()) return {Line::Kind::end, ""};
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    if (line != "^C") return {Line::Kind::text, std::move(line)};
    std::raise(SIGINT);
    return {Line::Kind::interrupted, ""};
  }
  void remember(const std::string& text) override { remembered.push_back(text); }
  std::string prompts;
  std::vector<std::string> remembered;

 private:
  std::deque<std::string> lines_;
};

struct Served {
  std::string prompts, err, errors, printed, summary;
  std::vector<std::string> remembered;
};

Served serve(std::deque<std::string> lines, bool person = false) {
  const testing::Signals signals;
  Script script(std::move(lines));
  std::ostringstream err;
  Served served;
  Printed printed;
  SessionOptions options;
  options.cancellation = testing::Signals::cancellation();
  Session session(posix_env(), printed, options);
  Prompt prompt(script, {err, [&](const Error& error) { served.errors += std::string(error.what()) + "\n"; },
                         [&](const std::string& text) { printed.text += text; }, person});
  auto run =
      session.start(std::make_shared<SourceText>(SourceText{"plan", "transforms: [{ones: {target: a, shape: [1]}}]"}),
                    [&](const std::string& question) { return prompt.confirm(question); });
  prompt.serve(session, *run.value(), posix_env());
  served.summary = run.value()->write().value().summary;
  served.prompts = script.prompts;
  served.remembered = script.remembered;
  served.err = err.str();
  served.printed = printed.text;
  const std::string own = "transforms:\n- ones:\n    target: a\n    shape:\n    - 1\n";
  EXPECT_TRUE(served.summary.starts_with(own)) << served.summary;
  served.summary.erase(0, own.size());
  return served;
}

const std::string kFirst = "brainsurgery> |", kNext = "... |";

TEST(Prompt, DoesALineAtOnceAndABlockAtItsEmptyLine) {
  const Served served =
      serve({"delete: target: a", "", "- zeroes:", "    target: z", "    shape: [1]", "", "exit", "zap: a: 1"});
  EXPECT_EQ(served.prompts, kFirst + kFirst + kFirst + kNext + kNext + kNext + kFirst);
  EXPECT_EQ(served.errors, "");
  EXPECT_EQ(served.summary, "- delete:\n    target: a\n- zeroes:\n    target: z\n    shape:\n    - 1\n- exit: {}\n");
}

TEST(Prompt, TheEndDropsUnfinishedText) {
  const Served served = serve({"copy: from: a, to: b", "- delete:", "    target: a"});
  EXPECT_EQ(served.summary, "- copy:\n    from: a\n    to: b\n");
  EXPECT_EQ(served.errors, "");
}

TEST(Prompt, GoesOnAfterErrors) {
  const Served served = serve({"copy: from: nope, to: b", "zap: a: 1", "assert: exists: nope", "copy: from: a, to: b"});
  EXPECT_EQ(served.errors,
            "copy.from: no tensor matches 'model::nope'\nunknown command 'zap'\n"
            "assertion failed: no tensor matches model::nope\n");
  EXPECT_EQ(served.summary, "- copy:\n    from: a\n    to: b\n");
}

TEST(Prompt, CtrlCDropsTheBlock) {
  const Served served = serve({"- delete:", "    target: a", "^C", "copy: from: a, to: b"});
  EXPECT_EQ(served.prompts, kFirst + kNext + kNext + kFirst + kFirst);
  EXPECT_EQ(served.summary, "- copy:\n    from: a\n    to: b\n");
  EXPECT_EQ(served.errors, "");
}

TEST(Prompt, AsksUntilItIsAnswered) {
  const std::string preview = "set: preview: true";
  for (const char* go : {"go", "G", " yes ", "y"})
    EXPECT_EQ(serve({preview, "delete: target: a", "maybe", go}).summary,
              "- set:\n    preview: true\n- delete:\n    target: a\n")
        << go;
  for (const char* no : {"no-go", "nogo", "no", "N", "", "^C"}) {
    const Served served = serve({preview, "delete: target: a", "maybe", no, "set: preview: false"});
    EXPECT_EQ(served.summary, "- set:\n    preview: true\n- set:\n    preview: false\n") << no;
    EXPECT_EQ(served.err, "Please answer 'go' or 'no-go'.\n");
    EXPECT_NE(served.printed.find("preview 1/1 delete: no-go, apply skipped\n"), std::string::npos);
  }
  // Nobody is there to ask.
  EXPECT_EQ(serve({preview, "delete: target: a"}).summary, "- set:\n    preview: true\n");
}

// Ctrl-C at a question drops what is left of the block too.
TEST(Prompt, CtrlCAtAQuestionDropsTheBlock) {
  const Served served = serve({"- set: {preview: true}", "- delete: {target: a}", "- zeroes: {target: z, shape: [1]}",
                               "", "^C", "set: preview: false"});
  EXPECT_EQ(served.summary, "- set:\n    preview: true\n- set:\n    preview: false\n");
  EXPECT_EQ(served.errors, "interrupted by Ctrl-C\n");
}

TEST(Prompt, TellsAPersonHowItWorks) {
  EXPECT_NE(serve({}, true).err.find("exit or Ctrl-D ends"), std::string::npos);
  EXPECT_EQ(serve({}, false).err, "");
}

TEST(Prompt, WordsLookAtTheRunAndSteerIt) {
  const Served served = serve({"scale_: target: a, by: 3", "dump: {}", "history", "undo", "undo", "redo 5", "ls", "show a", "show zz"});
  EXPECT_NE(served.printed.find("  1  scale_: target: a, by: 3  (1 changed)\n"
                                "took back scale_: target: a, by: 3\nnothing to take back\n"
                                "did again scale_: target: a, by: 3\nnothing to do again\n"),
            std::string::npos)
      << served.printed;
  EXPECT_NE(served.printed.find("1 tensor, 1 parameter, 4 B\n"), std::string::npos) << served.printed;
  EXPECT_NE(served.printed.find("min 3  max 3  mean 3  std 0  l2 3\n"), std::string::npos) << served.printed;
  EXPECT_EQ(served.errors, "no tensor matches 'model::zz'\n");
  EXPECT_EQ(served.prompts.find(kNext), std::string::npos) << "words are complete with their line";
}

TEST(Prompt, WritesThePlan) {
  const testing::TempDir folder;
  const std::string path = folder / "plan.yaml";
  const Served served = serve({"scale_: target: a, by: 3", "dump: {}", "plan", "write " + path, "write a.safetensors"});
  const std::string plan = testing::read_file(path);
  EXPECT_NE(plan.find("scale_:\n    target: model::a\n    by: 3\n"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("dump"), std::string::npos) << plan;
  EXPECT_NE(served.printed.find(plan + "wrote " + path + "\n"), std::string::npos) << served.printed;
  EXPECT_EQ(served.errors, "write takes the path of a plan, which ends in .yaml; found 'a.safetensors'\n");
}

TEST(Prompt, RemembersWhatWasTypedAsAWhole) {
  const Served served = serve({"- copy:", "    from: a", "    to: b", "", "  ", "ls", "zap: a: 1"});
  EXPECT_EQ(served.remembered, (std::vector<std::string>{"- copy:\n    from: a\n    to: b", "ls", "zap: a: 1"}));
}

TEST(Prompt, TellsAPersonWhatAStepChanged) {
  EXPECT_TRUE(serve({"copy: from: a, to: b"}, true).err.ends_with("1 created\n\n"));
  EXPECT_TRUE(serve({"dump"}, true).err.ends_with("input.\n\n")) << "a step that looks changes nothing";
}

TEST(PromptWords, AreNoSteps) {
  EXPECT_EQ(PromptWords::parse("help: copy"), std::nullopt);
  EXPECT_EQ(PromptWords::parse("undo : {}"), std::nullopt);
  EXPECT_EQ(PromptWords::parse("showy a"), std::nullopt);
  EXPECT_EQ(PromptWords::parse("- show a"), std::nullopt);
  const auto command = PromptWords::parse("  show   h.0.w \n");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->word, "show");
  EXPECT_EQ(command->argument, "h.0.w");
}

TEST(StreamLines, ShowsPromptsOnlyToPeople) {
  std::istringstream in("one\r\ntwo");
  std::ostringstream err;
  StreamLines quiet(in, err, {});
  EXPECT_EQ(quiet.read("> ", nullptr).text, "one");
  EXPECT_EQ(err.str(), "");
  StreamLines shown(in, err, {.prompts = true, .color = true});
  EXPECT_EQ(shown.read("> ", nullptr).text, "two");
  EXPECT_EQ(err.str(), "\x1b[1;36m> \x1b[0m");
  EXPECT_EQ(shown.read("> ", nullptr).kind, Line::Kind::end);
}

}  // namespace
}  // namespace brainsurgery
