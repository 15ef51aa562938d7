// Several sessions of one process, each with a cancellation of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <latch>
#include <thread>

#include "brainsurgery/session.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::TempDir;

struct Reaction final : EventSink {
  explicit Reaction(std::function<void()> to_progress) : on_progress(std::move(to_progress)) {}
  std::function<void()> on_progress;
  void on(const Event& event) override {
    if (std::holds_alternative<events::Progress>(event) && on_progress) std::exchange(on_progress, nullptr)();
  }
};

PlanSource plan_to(const std::string& output) {
  return std::make_shared<SourceText>(
      SourceText{"plan.yaml", "transforms: [{rand: {target: a, shape: [2000, 2000], generator: counter, seed: 1}}]\n"
                              "output: " + output + "\n"});
}

SessionOptions options_with(std::shared_ptr<Cancellation> cancellation) {
  SessionOptions options;
  options.sync = false;
  options.threads = 3;
  options.cancellation = std::move(cancellation);
  return options;
}

std::string outcome_of(Session& session, const std::string& output) {
  const Outcome<RunReport> outcome = session.run(plan_to(output));
  return outcome.ok() ? "done" : outcome.error().what();
}

TEST(Cancelling, EndsOneOfTwoRuns) {
  const TempDir folder;
  const std::string first_output = folder / "first.safetensors", second_output = folder / "second.safetensors";
  const auto first = std::make_shared<Cancellation>(), second = std::make_shared<Cancellation>();
  std::latch both_write(2);
  std::atomic<bool> first_ended = false;
  Reaction cancels([&] {
    both_write.arrive_and_wait();
    first->cancel();
  });
  Reaction waits([&] {
    both_write.arrive_and_wait();
    first_ended.wait(false);
  });
  std::string first_outcome, second_outcome;
  std::thread one([&] {
    Session session(posix_env(), cancels, options_with(first));
    first_outcome = outcome_of(session, first_output);
    first_ended = true;
    first_ended.notify_all();
  });
  std::thread other([&] {
    Session session(posix_env(), waits, options_with(second));
    second_outcome = outcome_of(session, second_output);
  });
  one.join();
  other.join();
  EXPECT_EQ(first_outcome, "cancelled");
  EXPECT_EQ(second_outcome, "done");
  EXPECT_FALSE(std::filesystem::exists(first_output));
  EXPECT_TRUE(std::filesystem::exists(second_output));
}

TEST(Cancelling, StaysUntilItIsReset) {
  const TempDir folder;
  const std::string output = folder / "out.safetensors";
  const auto cancellation = std::make_shared<Cancellation>();
  Reaction nothing(nullptr);
  Session session(posix_env(), nothing, options_with(cancellation));
  cancellation->cancel();
  EXPECT_EQ(outcome_of(session, output), "cancelled");
  EXPECT_EQ(outcome_of(session, output), "cancelled");
  EXPECT_EQ(session.check(plan_to(output)).error().code(), ErrorCode::run);
  cancellation->reset();
  EXPECT_EQ(outcome_of(session, output), "done");
}

}  // namespace
}  // namespace brainsurgery
