// Plans of others, confined to a folder.
#include <gtest/gtest.h>

#include <filesystem>

#include "brainsurgery/session.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

struct Silence final : EventSink {
  void on(const Event&) override {}
};

class RootedSession : public ::testing::Test {
 protected:
  RootedSession() {
    fs::create_directories(dir_ / "root/models");
    EXPECT_EQ(run(posix_env(), "transforms: [{ones: {target: a, shape: [4]}}]\noutput: " + (dir_ / "secret.safetensors")),
              "done");
    fs::copy(dir_ / "secret.safetensors", dir_ / "root/models/a.safetensors");
    env_ = rooted_env(dir_ / "root");
  }

  std::string run(Env& env, const std::string& plan) {
    Silence silence;
    SessionOptions options;
    options.threads = 1;
    options.spill_directory = dir_ / "spill";
    Session session(env, silence, options);
    const auto outcome = session.run(std::make_shared<SourceText>(SourceText{"plan.yaml", plan}));
    return outcome.ok() ? "done" : outcome.error().what();
  }
  std::string run(const std::string& plan) { return run(*env_, plan); }

  static std::string outside(const std::string& path) {
    return "cannot use '" + path + "': the path leads outside of the root folder";
  }

  TempDir dir_;
  std::unique_ptr<Env> env_;
};

constexpr const char* kSteps = "transforms: [{scale_: {target: a, by: 2}}, {copy: {from: a, to: b}}]\n";

TEST_F(RootedSession, ReadsAndWritesInTheRoot) {
  const std::string inputs = "inputs: [models/a.safetensors]\n";
  EXPECT_EQ(run(inputs + kSteps + "output: out.safetensors\n"), "done");
  EXPECT_EQ(run(inputs + kSteps + "output: {path: new/folder, shard: 20B}\n"), "done");
  EXPECT_EQ(run("inputs: [new/folder]\ntransforms: [{delete: {target: b}}]\noutput: new/folder\n"), "done");
  EXPECT_EQ(run(inputs + kSteps + "output: " + env_->real_path("models") + "/a.safetensors\n"), "done");
  EXPECT_EQ(run(inputs + "transforms: [{save: {path: '.'}}]\n"), "done");
  EXPECT_TRUE(fs::exists(dir_ / "root/out.safetensors"));
  EXPECT_TRUE(fs::exists(dir_ / "root/new/folder"));
}

TEST_F(RootedSession, RefusesWhatIsOutside) {
  const std::string secret = dir_ / "secret.safetensors", steps = kSteps;
  fs::create_symlink("../secret.safetensors", dir_ / "root/link.safetensors");
  fs::create_symlink("..", dir_ / "root/up");
  for (const std::string& path : {secret, std::string("../secret.safetensors"), std::string("link.safetensors"),
                                  std::string("up/secret.safetensors")}) {
    EXPECT_EQ(run("inputs: [" + path + "]\n" + steps + "output: out.safetensors\n"), outside(path));
    EXPECT_EQ(run("transforms: [{load: {path: " + path + ", alias: m}}]\n"), outside(path));
  }
  const std::string inputs = "inputs: [models/a.safetensors]\n";
  for (const std::string& path : {secret, std::string("../out.safetensors"), std::string("up/out.safetensors"),
                                  std::string("up/folder/")}) {
    EXPECT_NE(run(inputs + steps + "output: " + path + "\n"), "done") << path;
    EXPECT_NE(run(inputs + "transforms: [{save: {path: " + path + "}}]\n"), "done") << path;
  }
  EXPECT_EQ(run(inputs + "transforms: [{execute: {path: ../plan.yaml}}]\n").find("outside") == std::string::npos, false);
  EXPECT_FALSE(fs::exists(dir_ / "out.safetensors"));
  EXPECT_FALSE(fs::exists(dir_ / "folder"));
}

}  // namespace
}  // namespace brainsurgery
