#include "cli/config_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "brainsurgery/registries.h"
#include "cli/command_line.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The program in a folder of its own.
class ConfigArguments : public ::testing::Test {
 protected:
  ConfigArguments() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path()); }
  ~ConfigArguments() override { std::filesystem::current_path(before_); }

  static void write(const std::string& name, const std::string& text) { std::ofstream(name) << text; }

  struct Result {
    int status = 0;
    std::string out, err;
  };
  static Result run(std::vector<std::string> arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    const int status = run_command_line(std::move(arguments), Streams{in, out, err}, builtin_registries());
    return {status, out.str(), err.str()};
  }
  // A line each: "F32  [2, 3]  24 B  w".
  static std::string tensors(const std::string& path) { return run({"inspect", path}).out; }

 private:
  std::filesystem::path before_;
  testing::TempDir folder_;
};

TEST_F(ConfigArguments, TypesValuesByTheirField) {
  write("base.yaml", "transforms: [{ones: {target: 'model::a', shape: [1]}}]\noutput: i.safetensors\n");
  ASSERT_EQ(run({"base.yaml"}).status, 0);
  write("plan.yaml",
        "inputs: [i.safetensors]\ntransforms:\n  - ones: {target: w, shape: [1]}\noutput: o.safetensors\n");
  const Result result =
      run({"plan.yaml", "transforms[0].ones.shape=[2, 3]", "transforms[0].ones.dtype=float16",
           "transforms[0].ones.target=017", "transforms[1].scale={from: '017', to: b, by: 1e-1}",
           "transforms[1].scale.by=3", "transforms[2].reshape.from=[b]", "transforms[2].reshape.to=[c]",
           "transforms[2].reshape.shape[0]=3", "transforms[2].reshape.shape[1]=2",
           "transforms[3].assert.not={exists: zz}", "transforms[4].assert.all[0].exists=c",
           "transforms[4].assert.all[1]={exists: b}", "transforms[5].assert={count: {of: '.*', is: 4}}"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(tensors("o.safetensors"),
              AllOf(HasSubstr("017"), HasSubstr("[2, 3]"), HasSubstr("[3, 2]"), HasSubstr("F16")));
}

TEST_F(ConfigArguments, PointsIntoTheArgument) {
  write("plan.yaml", "transforms:\n  - ones: {target: 'model::w', shape: [1]}\noutput: o.safetensors\n");
  const Result shape = run({"run", "-q", "plan.yaml", "transforms[0].ones.shape=[2, x]"});
  EXPECT_EQ(shape.status, 2);
  EXPECT_THAT(shape.err, HasSubstr("argument 3:1:30: error: ones.shape[1]: expected an integer"));
  const Result text = run({"plan.yaml", "transforms[0].ones.shape=[2"});
  EXPECT_EQ(text.status, 2);
  EXPECT_THAT(text.err, AllOf(HasSubstr("argument 2:1:"), HasSubstr("invalid YAML")));
}

TEST_F(ConfigArguments, TellsFilesFromValues) {
  write("plan.txt", "transforms: [{ones: {target: 'model::w', shape: [2]}}]");
  write("more.YML", "output: a.safetensors");
  write("a=b.yaml", "output: c.safetensors");
  write("a=b", "output: d.safetensors");
  EXPECT_EQ(run({"plan.txt", "more.YML"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists("a.safetensors"));
  EXPECT_EQ(run({"plan.txt", "a=b.yaml"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists("c.safetensors"));
  EXPECT_EQ(run({"plan.txt", "a=b"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists("d.safetensors"));
  EXPECT_EQ(run({"plan.txt", "output=e.yaml/e.safetensors"}).status, 0);
  EXPECT_EQ(run({"-", "output=f.safetensors"}, "transforms: [{ones: {target: 'model::w', shape: [2]}}]").status, 0);
  EXPECT_TRUE(std::filesystem::exists("f.safetensors"));
  EXPECT_EQ(run({"output=g.safetensors", "plan.txt.yaml"}).status, 2);
}

TEST_F(ConfigArguments, ReportsMissingAndStrangeItems) {
  write("plan.yaml", "x-a: 1");
  std::filesystem::create_directory("folder");
  const Result missing = run({"plam.yaml"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("'plam.yaml' does not exist"), HasSubstr("did you mean 'plan.yaml'?")));
  const Result second = run({"check", "plan.yaml", "nowhere/plan.yml"});
  EXPECT_EQ(second.status, 2);
  EXPECT_THAT(second.err, HasSubstr("'nowhere/plan.yml' does not exist"));
  const Result word = run({"plan.yaml", "word"});
  EXPECT_EQ(word.status, 2);
  EXPECT_THAT(word.err, HasSubstr("argument 2:1:1: error: 'word' is neither a plan file"));
  EXPECT_EQ(run({"folder"}).status, 2);
  EXPECT_EQ(run({"-", "-"}, "x-a: 1").status, 2);
}

TEST_F(ConfigArguments, GivesTheEnvironmentToPlans) {
  setenv("BS_TEST_SIZES", "[4, 2]", 1);
  write("plan.yaml",
        "transforms:\n  - ones: {target: 'model::w', shape: '${oc.env:BS_TEST_SIZES}'}\noutput: "
        "${oc.env:BS_TEST_UNSET,o}.safetensors\n");
  const Result result = run({"plan.yaml"});
  unsetenv("BS_TEST_SIZES");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(tensors("o.safetensors"), HasSubstr("[4, 2]"));
  const Result unset = run({"plan.yaml"});
  EXPECT_EQ(unset.status, 2);
  EXPECT_THAT(
      unset.err,
      HasSubstr("plan.yaml:2:39: error: '${oc.env:BS_TEST_SIZES}': environment variable 'BS_TEST_SIZES' is not set"));
}

}  // namespace
}  // namespace brainsurgery
