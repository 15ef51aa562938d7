// What is predicted of assertions, reports and several outputs, against what a run counts; what is read and computed once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "brainsurgery/session.h"
#include "formats/safetensors.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

struct Quiet final : EventSink {
  void on(const Event&) override {}
};

constexpr std::int64_t kRows = 64, kColumns = 48;
constexpr std::int64_t kBytes = kRows * kColumns * 4;  // of a matrix
constexpr std::int64_t kIndices = 100 * 8;

class RunPlanTest : public ::testing::Test {
 protected:
  // Matrices a, b and indices i.
  void SetUp() override {
    const SafetensorsLayout layout = layout_safetensors(
        std::vector<StoredTensor>{
            {"a", {DType::F32, {kRows, kColumns}}}, {"b", {DType::F32, {kRows, kColumns}}}, {"i", {DType::I64, {100}}}},
        {});
    std::string bytes = layout.header;
    for (std::int64_t i = 0; i < 100; ++i) append(bytes, i * 7);  // wide dtypes come first
    for (const int factor : {1, 3}) {
      for (std::int64_t i = 0; i < kRows * kColumns; ++i) append(bytes, static_cast<float>((i * factor) % 17) - 8);
    }
    testing::write_file(folder_ / "in.safetensors", bytes);
  }
  template <typename T>
  static void append(std::string& to, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof value);
    to.append(bytes, sizeof value);
  }

  struct Reports {
    RunReport checked, ran;
  };
  // `output`: whether the plan has one.
  Reports run(const std::string& steps, bool output) {
    Quiet quiet;
    SessionOptions options;
    options.sync = false;
    options.threads = 2;
    options.spill_directory = folder_ / "spill";
    std::string text = fmt::format("inputs: ['{}']\ntransforms:\n{}", folder_ / "in.safetensors", steps);
    if (output) text += fmt::format("output: '{}'\n", folder_ / "out.safetensors");
    const auto plan = std::make_shared<SourceText>(SourceText{"plan.yaml", text});
    Session session(posix_env(), quiet, options);
    auto checked = session.check(plan);
    EXPECT_TRUE(checked.ok()) << checked.error().what();
    auto ran = session.run(plan);
    EXPECT_TRUE(ran.ok()) << ran.error().what();
    return {checked.value(), ran.value()};
  }
  // Of assertions and reports.
  void expect_values(const std::string& steps, std::int64_t assertion_bytes, std::int64_t report_bytes, int passes,
                     bool output = false) {
    const Reports reports = run(steps, output);
    for (const RunReport* report : {&reports.checked, &reports.ran}) {
      EXPECT_EQ(report->assertion_bytes, assertion_bytes) << steps;
      EXPECT_EQ(report->report_bytes, report_bytes) << steps;
      EXPECT_EQ(report->value_passes, passes) << steps;
    }
    EXPECT_EQ(reports.ran.value_bytes_read, assertion_bytes + report_bytes) << steps;
    for (const OutputReport& written : reports.ran.outputs) EXPECT_EQ(written.moved, written.planned) << steps;
  }

  testing::TempDir folder_;
};

TEST_F(RunPlanTest, AssertionsReadATensorOnce) {
  expect_values("- assert: {all: [{finite: 'a'}, {range: {of: 'a', min: -9, max: 9}}, {norm: {of: 'a', min: 1}}]}\n",
                kBytes, 0, 1);
  std::string fifty;
  for (int i = 0; i < 50; ++i) fifty += fmt::format("- assert: {{range: {{of: 'a', max: {}}}}}\n", 9 + i);
  expect_values(fifty, kBytes, 0, 1);
}

TEST_F(RunPlanTest, EveryKindOfQuestionIsPredicted) {
  expect_values("- assert: {equal: {left: 'a', right: 'a'}}\n", kBytes, 0, 1);
  expect_values("- assert: {close: {left: 'a', right: 'b', atol: 20}}\n", 2 * kBytes, 0, 1);
  expect_values("- assert: {not: {iszero: {of: 'b', eps: 1}}}\n", kBytes, 0, 1);
  expect_values("- assert: {unique: 'i'}\n", kIndices, 0, 1);
  expect_values("- dump: {target: '.*', verbosity: stat}\n", 0, 2 * kBytes + kIndices, 3);
  expect_values("- dump: {target: '[ai]', verbosity: full}\n", 0, kBytes + kIndices, 2);
  expect_values("- diff: {mode: pair, left: 'a', right: 'b', eps: 0.5}\n", 0, 2 * kBytes, 1);
  expect_values("- dump: {target: 'a'}\n", 0, 0, 0);
}

TEST_F(RunPlanTest, ReportsShareThePassesOfAssertions) {
  expect_values("- assert: {finite: 'a'}\n- dump: {target: 'a', verbosity: stat}\n- diff: {mode: pair, left: 'a', right: 'b', eps: 1}\n",
                kBytes, kBytes, 1);
}

TEST_F(RunPlanTest, FilesStandBetweenQuestions) {
  const std::string save = fmt::format("- save: {{path: '{}'}}\n", folder_ / "saved.safetensors");
  expect_values("- assert: {finite: 'a'}\n" + save + "- assert: {finite: 'a'}\n", 2 * kBytes, 0, 2);
}

TEST_F(RunPlanTest, ProgramsOfTheOutputFindWhatTheyCan) {
  expect_values("- assert: {all: [{finite: 'a'}, {range: {of: 'b', min: -9}}]}\n- scale_: {target: '[ab]', by: 2}\n", 0, 0, 0, true);
  expect_values("- scale_: {target: 'a', by: 2}\n- assert: {all: [{finite: 'a'}, {norm: {of: 'a', min: 1}}]}\n", kBytes, 0, 1, true);
  expect_values("- assert: {finite: 'a'}\n", kBytes, 0, 1, true);  // a copy stays one
}

TEST_F(RunPlanTest, ADecompositionForTwoOutputsIsMadeOnce) {
  const std::string save = fmt::format("- save: {{path: '{}'}}\n", folder_ / "saved.safetensors");
  const Reports reports =
      run("- phlora: {target: 'a', target_a: 'a.down', target_b: 'a.up', rank: 4}\n" + save, true);
  ASSERT_EQ(reports.ran.outputs.size(), 2U);
  const OutputReport &saved = reports.ran.outputs[0], &written = reports.ran.outputs[1];
  EXPECT_EQ(saved.moved, saved.planned);
  EXPECT_EQ(written.moved, written.planned);
  EXPECT_EQ(saved.planned.written, written.planned.written);
  EXPECT_GE(saved.planned.read, kBytes);
  EXPECT_EQ(written.planned.read, saved.planned.read - kBytes) << "the factors are there";
  EXPECT_EQ(testing::read_file(folder_ / "saved.safetensors"), testing::read_file(folder_ / "out.safetensors"));
}

}  // namespace
}  // namespace brainsurgery
