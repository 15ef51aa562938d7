#include "repl/prompt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <sstream>

#include "support/signals.h"

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
  Line read(const std::string& prompt) override {
    prompts += prompt + "|";
    if (lines_.empty()) return {Line::Kind::end, ""};
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    if (line != "^C") return {Line::Kind::text, std::move(line)};
    std::raise(SIGINT);
    return {Line::Kind::interrupted, ""};
  }
  std::string prompts;

 private:
  std::deque<std::string> lines_;
};

struct Served {
  std::string prompts, err, errors, printed, summary;
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
  Prompt prompt(
      script, err, [&](const Error& error) { served.errors += std::string(error.what()) + "\n"; }, person);
  auto run =
      session.start(std::make_shared<SourceText>(SourceText{"plan", "transforms: [{ones: {target: a, shape: [1]}}]"}),
                    [&](const std::string& question) { return prompt.confirm(question); });
  prompt.serve(*run.value());
  served.summary = run.value()->write().value().summary;
  served.prompts = script.prompts;
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

TEST(StreamLines, ShowsPromptsOnlyToPeople) {
  std::istringstream in("one\r\ntwo");
  std::ostringstream err;
  StreamLines quiet(in, err, {});
  EXPECT_EQ(quiet.read("> ").text, "one");
  EXPECT_EQ(err.str(), "");
  StreamLines shown(in, err, {.prompts = true, .color = true});
  EXPECT_EQ(shown.read("> ").text, "two");
  EXPECT_EQ(err.str(), "\x1b[1;36m> \x1b[0m");
  EXPECT_EQ(shown.read("> ").kind, Line::Kind::end);
}

}  // namespace
}  // namespace brainsurgery
