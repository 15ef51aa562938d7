// Inputs of several files, one of which another program changes during the run: nothing is published.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "brainsurgery/session.h"
#include "formats/safetensors.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;

// Appends to a file once the inputs are open.
struct Intruder final : EventSink {
  void on(const Event& event) override {
    if (std::holds_alternative<events::OutputStarted>(event) && !victim.empty())
      testing::write_file(victim, testing::read_file(victim) + "x");
  }
  std::string victim;
};

class ChangedInput : public ::testing::Test {
 protected:
  // The message; "" where the run is done.
  std::string run(const std::string& victim) {
    Intruder intruder;
    intruder.victim = victim;
    SessionOptions options;
    options.sync = false;
    const std::string plan = fmt::format("inputs: ['{}']\noutput: '{}'\n", folder_ / "in", folder_ / "out.safetensors");
    const auto outcome =
        Session(posix_env(), intruder, options).run(std::make_shared<SourceText>(SourceText{"plan.yaml", plan}));
    return outcome.ok() ? "" : outcome.error().what();
  }
  void expect_refusals(const std::vector<std::string>& files) {
    EXPECT_EQ(run(""), "");
    fs::remove(folder_ / "out.safetensors");
    for (const std::string& file : files) {
      const std::string path = folder_ / ("in/" + file), before = testing::read_file(path);
      const std::string reason = "input '" + path + "' was changed by another program while it was read";
      EXPECT_TRUE(run(path).starts_with(reason)) << file;
      EXPECT_FALSE(fs::exists(folder_ / "out.safetensors"));
      testing::write_file(path, before);
    }
  }
  testing::TempDir folder_;
};

TEST_F(ChangedInput, EveryFileOfAJoinedTensorCounts) {
  fs::create_directory(folder_ / "in");
  for (const int row : {0, 1}) {
    const Metadata pairs = {{"DCP_SHARDING_INFO", fmt::format(R"({{"w": {{"saved_offsets": [{}]}}}})", row)}};
    const SafetensorsLayout layout = layout_safetensors(std::vector<StoredTensor>{{"w", {DType::U8, {1}}}}, pairs);
    testing::write_file(folder_ / fmt::format("in/{}.safetensors", row), layout.header + "x");
  }
  expect_refusals({"0.safetensors", "1.safetensors"});
}

TEST_F(ChangedInput, EveryDataFileOfADistributedCheckpointCounts) {
  fs::copy(BS_TEST_DATA "/corpus/dcp/002_parts", folder_ / "in");
  expect_refusals({"__0_0.distcp", "__1_0.distcp"});
}

// Files beside the weights, which a directory takes over: opened when the plan is bound.
class ChangedSideFile : public ChangedInput {
 protected:
  void SetUp() override {
    fs::create_directory(folder_ / "in");
    const SafetensorsLayout layout = layout_safetensors(std::vector<StoredTensor>{{"w", {DType::U8, {1}}}}, {});
    testing::write_file(folder_ / "in/model.safetensors", layout.header + "x");
    testing::write_file(folder_ / "in/vocab.txt", "words");
  }
  std::string run_with(const std::function<void()>& meanwhile) {
    struct Sink final : EventSink {
      void on(const Event& event) override {
        if (std::holds_alternative<events::OutputStarted>(event)) meanwhile();
      }
      std::function<void()> meanwhile;
    } sink;
    sink.meanwhile = meanwhile;
    SessionOptions options;
    options.sync = false;
    const std::string plan = fmt::format("inputs: ['{}']\noutput: '{}/'\n", folder_ / "in", folder_ / "out");
    const auto outcome = Session(posix_env(), sink, options).run(std::make_shared<SourceText>(SourceText{"plan.yaml", plan}));
    return outcome.ok() ? "" : outcome.error().what();
  }
};

TEST_F(ChangedSideFile, OneThatIsWrittenToIsNotPublished) {
  const std::string path = folder_ / "in/vocab.txt";
  const std::string message = run_with([&] { testing::write_file(path, "other words"); });
  EXPECT_TRUE(message.starts_with("input '" + path + "' was changed by another program")) << message;
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(ChangedSideFile, OneThatShrinksIsAnError) {
  const std::string path = folder_ / "in/vocab.txt";
  EXPECT_NE(run_with([&] { fs::resize_file(path, 1); }), "");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(ChangedSideFile, OneThatVanishesIsNoticed) {
  const std::string path = folder_ / "in/vocab.txt";
  const std::string message = run_with([&] { fs::remove(path); });
  EXPECT_TRUE(message.starts_with("input '" + path + "' was changed by another program")) << message;
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace brainsurgery
