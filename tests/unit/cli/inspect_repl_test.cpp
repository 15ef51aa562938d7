// The commands that look at models: inspect, and repl without a terminal.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "brainsurgery/registries.h"
#include "cli/command_line.h"
#include "cli/repl_command.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

struct Ran {
  int code = 0;
  std::string out, err;
};

class Looking : public ::testing::Test {
 protected:
  void SetUp() override {
    const Ran made = run({"-", "--no-sync", "--no-summarize"},
                         "transforms:\n"
                         "  - zeroes: {target: h.0.attn.w, shape: [4, 8], dtype: bfloat16}\n"
                         "  - zeroes: {target: h.1.attn.w, shape: [4, 8], dtype: bfloat16}\n"
                         "  - zeroes: {target: h.10.mlp.w, shape: [8], dtype: bfloat16}\n"
                         "  - zeroes: {target: wte.w, shape: [100, 8]}\n"
                         "output: '" + model_ + "'\n");
    ASSERT_EQ(made.code, 0) << made.err;
  }
  static Ran run(std::vector<std::string> words, const std::string& input = "", int columns = 0) {
    std::istringstream in(input);
    std::ostringstream out, err;
    Streams streams{in, out, err, false, columns > 0};
    streams.err_columns = [columns] { return columns; };
    const int code = run_command_line(std::move(words), streams, builtin_registries());
    return {code, out.str(), err.str()};
  }
  // The names that are listed, in their order.
  std::string names(std::vector<std::string> options) {
    options.insert(options.begin(), {"inspect", model_});
    std::istringstream lines(run(options).out);
    std::string result;
    for (std::string line; std::getline(lines, line);) {
      const std::size_t blank = line.rfind(' ');
      if (line.ends_with(".w")) result += line.substr(blank + 1) + " ";
    }
    return result;
  }

  testing::TempDir folder_;
  const std::string model_ = folder_ / "m.safetensors";
};

TEST_F(Looking, SortsBySize) {
  EXPECT_EQ(names({}), "h.0.attn.w h.1.attn.w h.10.mlp.w wte.w ");
  EXPECT_EQ(names({"--sort", "size"}), "wte.w h.0.attn.w h.1.attn.w h.10.mlp.w ");
}

TEST_F(Looking, FiltersByDtypeAndShape) {
  EXPECT_EQ(names({"--dtype", "BF16"}), "h.0.attn.w h.1.attn.w h.10.mlp.w ");
  EXPECT_EQ(names({"--dtype", "float32"}), "wte.w ");
  EXPECT_EQ(names({"--shape", "[*, 8]"}), "h.0.attn.w h.1.attn.w wte.w ");
  EXPECT_EQ(names({"--shape", "..., 8"}), "h.0.attn.w h.1.attn.w h.10.mlp.w wte.w ");
  EXPECT_EQ(names({"--shape", "4, ..."}), "h.0.attn.w h.1.attn.w ");
  EXPECT_EQ(names({"--shape", "8", "--dtype", "bf16", "h.*"}), "h.10.mlp.w ");
  EXPECT_NE(run({"inspect", model_, "--dtype", "bf16"}).out.find("3 of 4 tensors"), std::string::npos);
  const Ran nothing = run({"inspect", model_, "h.*", "--dtype", "f32", "--shape", "*"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_TRUE(nothing.err.starts_with("error: no tensor matches 'h.*' and has dtype f32 and has shape * in '")) << nothing.err;
  EXPECT_EQ(run({"inspect", model_, "--shape", "[a]"}).err,
            "error: shape: '[a]' has sizes, * and ... between commas, as in [*, 768]\n");
  EXPECT_EQ(run({"inspect", model_, "--shape", "..., ..., ..., ..., 8"}).code, 2);
}

TEST_F(Looking, AddsUpByDtypeAndModule) {
  const Ran ran = run({"inspect", model_, "--totals"});
  EXPECT_EQ(ran.out.substr(0, ran.out.find("metadata")),
            "dtype   tensors        parameters       bytes   share\n"
            "F32           1               800      3.1 KB   95.7%  ███████████████████\n"
            "BF16          3                72       144 B    4.3%  █\n"
            "\n"
            "module     tensors        parameters       bytes   share\n"
            "wte              1               800      3.1 KB   95.7%  ███████████████████\n"
            "h.*.attn         2                64       128 B    3.8%  █\n"
            "h.*.mlp          1                 8        16 B    0.5%\n"
            "\n");
  EXPECT_EQ(run({"inspect", model_, "--totals"}, "", 60).out.find("█"), std::string::npos) << "a narrow terminal has no bars";
  EXPECT_EQ(run({"inspect", model_, "--totals", "--json"}).code, 2);
  EXPECT_EQ(run({"inspect", model_, "--totals", "--tree"}).code, 2);
}

TEST_F(Looking, ShowsWhatStandsOutOnATerminal) {
  const std::string shown = run({"inspect", model_}, "", 80).out;
  EXPECT_NE(shown.find("\x1b[33mF32     \x1b[0m"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("\x1b[33mBF16"), std::string::npos) << "the dtype of most tensors";
  EXPECT_NE(shown.find("\x1b[1m    3.1 KB\x1b[0m"), std::string::npos) << shown;
  EXPECT_EQ(run({"inspect", model_}).out.find('\x1b'), std::string::npos) << "in a pipe";
  EXPECT_EQ(run({"inspect", model_, "--no-color"}, "", 80).out.find('\x1b'), std::string::npos);
}

TEST_F(Looking, CutsNamesToTheTerminal) {
  const std::string name = std::string(60, 'a') + ".weight";
  const std::string path = folder_ / "long.safetensors";
  ASSERT_EQ(run({"-", "--no-sync"}, "transforms: [{zeroes: {target: " + name + ", shape: [1]}}]\noutput: '" + path + "'\n").code, 0);
  const std::string shown = run({"inspect", path, "--no-color"}, "", 80).out;
  EXPECT_EQ(shown.find(name), std::string::npos);
  EXPECT_NE(shown.find("aaaa\u2026aaa"), std::string::npos) << shown;
  EXPECT_NE(shown.find("a.weight\n"), std::string::npos) << shown;
  EXPECT_NE(run({"inspect", path}).out.find(name), std::string::npos) << "in a pipe";
  EXPECT_NE(run({"inspect", path, "--no-color"}, "", 60).out.find(name), std::string::npos) << "too narrow to cut";
}

TEST_F(Looking, OpensCheckpointsAndPlansAtThePrompt) {
  const std::string other = folder_ / "other.safetensors", plan = folder_ / "plan.yaml";
  std::filesystem::copy_file(model_, other);
  Ran ran = run({"repl", model_}, "show wte.w\ncopy: from: wte.w, to: x\nundo\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("model::wte.w  float32 [100, 8]  3.1 KB\nelements 800  zeros 800 (100%)"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("took back copy: from: wte.w, to: x\n"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("transforms:"), std::string::npos) << "no summary unless it is asked for";
  ran = run({"repl", model_, other}, "ls m::wte.*\nls other::wte.*\nwrite " + plan + "\n");
  EXPECT_NE(ran.out.find("m::wte.w\n"), std::string::npos) << ran.out + ran.err;
  EXPECT_NE(ran.out.find("other::wte.w\n"), std::string::npos) << ran.out + ran.err;
  ran = run({"repl", plan, "x-a=1"}, "ls other::wte.*\n");
  EXPECT_NE(ran.out.find("other::wte.w\n"), std::string::npos) << ran.out + ran.err;
  ran = run({"repl", "ft::" + model_}, "ls ft::wte.*\n");
  EXPECT_NE(ran.out.find("1 tensor"), std::string::npos) << ran.out + ran.err;
  EXPECT_EQ(run({"repl", plan, model_}).code, 2);
  EXPECT_EQ(run({"repl", folder_ / "nothing"}).code, 2);
}

TEST(ReplItems, GiveEveryCheckpointAnAlias) {
  const testing::TempDir folder;
  for (const char* name : {"one", "a.b", "sub"}) std::filesystem::create_directory(folder / name);
  std::filesystem::create_directory(folder / "sub/one");
  const ReplItems split =
      split_repl_items({folder / "one/", folder / "a.b", folder / "sub/one", "x::" + folder / "one"}, posix_env());
  ASSERT_TRUE(split.inputs);
  const std::string f = folder.path();
  EXPECT_EQ(split.inputs->source->text, "inputs: [\"one::" + f + "/one/\", \"a::" + f + "/a.b\", \"one_2::" + f +
                                            "/sub/one\", \"x::" + f + "/one\"]\n");
}

}  // namespace
}  // namespace brainsurgery
