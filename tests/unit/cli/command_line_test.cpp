#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <thread>

#include "brainsurgery/registries.h"
#include "cli/event_view.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

struct Ran {
  int code = 0;
  std::string out, err;
};

Ran run(std::vector<std::string> words, const std::string& input = "", bool terminal = false) {
  std::istringstream in(input);
  std::ostringstream out, err;
  const int code = run_command_line(std::move(words), Streams{in, out, err, terminal}, builtin_registries());
  return {code, out.str(), err.str()};
}

const std::string kCreates = "transforms: [{zeroes: {target: z, shape: [2]}}]\n";

TEST(CommandLine, NothingIsThePlanWithoutSteps) {
  const Ran ran = run({});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "nothing to do: no plan was given; try brainsurgery --help\n");
}

TEST(CommandLine, NamesTheCommandThatWasMeant) {
  const Ran ran = run({"chekc", "plan.yaml"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "error: unknown command 'chekc'\n  note: did you mean 'check'?\n");
}

TEST(CommandLine, RefusesUnknownOptionsAndSizes) {
  EXPECT_EQ(run({"run", "-", "--nonsense"}).code, 2);
  EXPECT_EQ(run({"run", "-", "--memory", "1.5GB"}).code, 2);
  EXPECT_EQ(run({"run", "-", "--threads", "0"}).code, 2);
  EXPECT_EQ(run({"run", "-", "--log-level", "loud"}).code, 2);
}

TEST(CommandLine, WordsInFrontOfAPlan) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-"}, {"run", "-"}, {"cli", "-"}, {"--quiet", "-"}, {"check", "-"}}) {
    EXPECT_EQ(run(words, kCreates).code, 0) << words.front();
  }
}

TEST(CommandLine, ColoursOnATerminalOnly) {
  const std::string wrong = "transforms: [nothing]\n";
  EXPECT_NE(run({"check", "-"}, wrong, true).err.find("\x1b[1;31merror:\x1b[0m"), std::string::npos);
  EXPECT_EQ(run({"check", "-"}, wrong, false).err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"check", "-", "--no-color"}, wrong, true).err.find('\x1b'), std::string::npos);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(run({"check", "-"}, wrong, true).err.find('\x1b'), std::string::npos);
  ::unsetenv("NO_COLOR");
}

// Control characters of a plan reach a terminal escaped only.
TEST(CommandLine, EscapesWhatItQuotes) {
  EXPECT_EQ(run({"check", "-"}, "transforms: [\"no\\e[31mthing\"]\n").err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"inspect", "no\x1b[31mthing"}).err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"run\x1b[31m"}).err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"run", "-", "--no\x1b[31m"}).err.find('\x1b'), std::string::npos);
}

// Every word is looked up in the file system before it is known what it is.
TEST(CommandLine, WordsThatCannotBeFiles) {
  const std::string text(300, 'x');
  EXPECT_EQ(run({"check", "-", "x-a=" + text}, kCreates).code, 0);
  const Ran missing = run({text});
  EXPECT_EQ(missing.code, 2);
  EXPECT_EQ(missing.err, "error: plan file '" + text + "' does not exist\n");
}

// Names that a terminal would obey: a control of C1, and a character that turns the direction of text.
TEST(CommandLine, WhatATerminalObeysIsEscaped) {
  const testing::TempDir folder;
  const std::string path = folder / "m.safetensors";
  const std::string plan =
      "transforms:\n  - zeroes: {target: \"a\\x9b\\u202eb\\u00e9\", shape: [1]}\n  - dump: {target: '.*'}\n";
  const Ran made = run({"-", "--no-sync", "--no-summarize"}, plan + "output: '" + path + "'\n");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.out.find("a\\x9b\\u{202e}b\u00e9"), std::string::npos) << made.out;
  EXPECT_NE(run({"inspect", path}).out.find("a\\x9b\\u{202e}b\u00e9"), std::string::npos);
  EXPECT_NE(run({"inspect", path, "--tree"}).out.find("a\\x9b\\u{202e}b\u00e9"), std::string::npos);
  EXPECT_NE(run({"inspect", path, "--json"}).out.find("a\u009b\u202eb\u00e9"), std::string::npos);
  std::istringstream in;
  std::ostringstream out, err;
  EXPECT_EQ(run_command_line({"inspect", path, "--json"}, Streams{in, out, err, true, true}, builtin_registries()), 0);
  EXPECT_NE(out.str().find("\"a\\u009b\\u202eb\u00e9\""), std::string::npos) << out.str();
}

TEST(CommandLine, ProgressFitsTheTerminal) {
  for (const int columns : {10, 40, 80, 0}) {
    std::ostringstream out, err;
    TextView view(out, err, LogLevel::info, {.progress = true, .columns = [columns] { return columns; }});
    view.on(events::OutputStarted{"model", "x", "", 1, 1 << 30, 0, 1 << 30});
    view.on(events::Progress{0, 1 << 30});
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    const std::size_t before = err.str().size();
    view.on(events::Progress{0, 1 << 30});
    const std::string first = err.str().substr(before);
    EXPECT_EQ(first.find("/s"), std::string::npos) << first;
    std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    view.on(events::Progress{123 << 20, 1 << 30});
    const std::string line = err.str().substr(before + first.size());
    const std::string start = "\r\x1b[K";
    ASSERT_TRUE(line.starts_with(start)) << line;
    EXPECT_LT(line.size() - start.size(), static_cast<std::size_t>(columns == 0 ? 80 : columns)) << line;
    EXPECT_NE(line.find("12%"), std::string::npos) << line;
    EXPECT_EQ(line.find(" left") != std::string::npos, columns == 80 || columns == 0) << line;
  }
}

TEST(CommandLine, ProgressOfDenseWorkAndOfReading) {
  std::ostringstream out, err;
  TextView view(out, err, LogLevel::info, {.progress = true});
  view.on(events::Progress{0, 1000, true});
  EXPECT_EQ(err.str(), "\r\x1b[K  0%");  // at once, and without an estimate
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  view.on(events::Progress{500, 1000, true});
  EXPECT_NE(err.str().find(" 50%  1."), std::string::npos) << err.str();
  EXPECT_EQ(err.str().find(" B"), std::string::npos) << err.str();
  view.on(events::Published{"x", {}, {}, true});
  const std::size_t before = err.str().size();
  view.on(events::Progress{1 << 20, 0});
  EXPECT_EQ(err.str().size(), before);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  view.on(events::Progress{3 << 20, 0});
  EXPECT_NE(err.str().find("3.0 MB read  "), std::string::npos) << err.str();
}

TEST(CommandLine, ProgressSaysWhatIsAtHandWhereThereIsRoom) {
  for (const int columns : {40, 80}) {
    std::ostringstream out, err;
    TextView view(out, err, LogLevel::info, {.progress = true, .columns = [columns] { return columns; }});
    view.on(events::Progress{0, 0, false, "step 3"});
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    view.on(events::Progress{3 << 20, 0, false, columns == 80 ? "step 3" : "a step with a name that is far too long"});
    EXPECT_EQ(err.str().ends_with("/s  step 3"), columns == 80) << err.str();
    EXPECT_NE(err.str().find("3.0 MB read"), std::string::npos) << err.str();
  }
}

TEST(CommandLine, ProgressAsJsonIsRareAndComplete) {
  std::ostringstream out, err;
  JsonView view(out, err);
  for (int i = 0; i < 60; ++i) {
    view.on(events::Progress{i << 20, 100 << 20, false, "writing 'x'"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const std::string text = out.str();
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  EXPECT_TRUE(text.starts_with(R"({"event":"progress","work":"writing 'x'","share":0.)")) << text;
  EXPECT_NE(text.find("\"bytes_total\":104857600,\"bytes_per_second\":"), std::string::npos) << text;
  EXPECT_NE(text.find("\"seconds_left\":"), std::string::npos) << text;
}

TEST(CommandLine, LinksThatLeadNowhere) {
  const testing::TempDir folder;
  const std::string reason = "': Too many levels of symbolic links\n";
  const std::string loop = folder / "loop";
  std::filesystem::create_symlink("loop", loop);
  for (const std::vector<std::string>& words : {std::vector<std::string>{loop}, {"check", loop}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, 2) << words.front();
    EXPECT_EQ(ran.err, "error: cannot examine '" + loop + reason);
  }
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_symlink("chekc", "chekc");
  const Ran ran = run({"chekc"});
  std::filesystem::current_path(before);
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err, "error: cannot examine 'chekc" + reason);
}

// Whatever else is thrown ends in a message and an exit code.
TEST(CommandLine, LetsNoExceptionOut) {
  struct Broken : std::streambuf {
    int_type underflow() override { throw std::runtime_error("broken input"); }
  } broken;
  std::istream in(&broken);
  in.exceptions(std::ios::badbit);
  std::ostringstream out, err;
  EXPECT_EQ(run_command_line({"check", "-"}, Streams{in, out, err}, builtin_registries()), 4);
  EXPECT_NE(err.str().find("internal error"), std::string::npos) << err.str();
  EXPECT_EQ(err.str().find('\x1b'), std::string::npos);
}

TEST(CommandLine, WritesOneFileAndSaysWhere) {
  const testing::TempDir folder;
  const std::string path = folder / "z.safetensors";
  const Ran ran = run({"run", "-", "--no-sync", "--no-summarize"}, kCreates + "output: '" + path + "'\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err,
            "writing 1 tensor of 'model' to '" + path +
                "' (the only model the steps changed): 104 B, 0 B copied unchanged, 8 B computed\npublished '" + path +
                "'\n");
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(run({"run", "-", "--no-overwrite"}, kCreates + "output: '" + path + "'\n").code, 3);
}

TEST(CommandLine, GoesOnWithStepsFromStandardInput) {
  const testing::TempDir folder;
  const std::string plan = folder / "plan.yaml", path = folder / "z.safetensors";
  testing::write_file(plan, kCreates + "output: '" + path + "'\n");
  const Ran ran = run({"-i", "--no-sync", plan}, "copy: from: z, to: z2\ncopy: from: x, to: w\nexit\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err.find("brainsurgery>"), std::string::npos);
  EXPECT_NE(ran.err.find("<prompt>:1:13: error: copy.from: no tensor matches 'model::x'"), std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("writing 2 tensors"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("- copy:\n    from: z\n    to: z2\n- exit: {}\n"), std::string::npos) << ran.out;
}

TEST(CommandLine, APromptNeedsNoPlanAndNotTheInputOfOne) {
  EXPECT_EQ(run({"-i"}, "zeroes: target: z, shape: [2]\nassert: exists: z\n").code, 0);
  const Ran both = run({"run", "-i", "-"}, kCreates);
  EXPECT_EQ(both.code, 2);
  EXPECT_EQ(both.err, "error: standard input cannot be the plan and the prompt too\n");
  EXPECT_EQ(run({"run"}).code, 2);
  EXPECT_EQ(run({"check", "-i"}).code, 2);
}

// A plan that fails, and an output that cannot be written, still end with their codes.
TEST(CommandLine, APromptHidesNoFailureOfThePlan) {
  const testing::TempDir folder;
  const std::string plan = folder / "plan.yaml";
  testing::write_file(plan, "transforms: [{delete: {target: x}}]\n");
  EXPECT_EQ(run({"-i", plan}, "zeroes: target: z, shape: [2]\n").code, 2);
  testing::write_file(plan, "output: '" + (folder / "z.safetensors") + "'\n");
  EXPECT_EQ(run({"-i", plan}, "").code, 2);
  EXPECT_EQ(run({"-i", plan, "--no-sync"}, "zeroes: target: z, shape: [2]\n").code, 0);
}

}  // namespace
}  // namespace brainsurgery
