// Runs over an older checkpoint in which every call to the file system fails in turn, for every format and for
// directories: what stands there afterwards is the old checkpoint or the new one, whole; the next run works and leaves
// nothing behind.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "brainsurgery/session.h"
#include "publish/journal.h"
#include "publish/staged_directory.h"
#include "support/faulty_env.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using testing::FaultPlan;
using testing::FaultyEnv;
using testing::TempDir;

struct Quiet final : EventSink {
  void on(const Event&) override {}
};

struct Kind {
  std::string name;
  std::string target;         // in the folder
  std::string options = {};   // of `output`
  bool saves_tensor = false;  // by a step: the format holds one
  bool over_input = false;    // the new checkpoint is made of the old one
  bool directory = false;
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

class EveryFault : public ::testing::TestWithParam<Kind> {
 protected:
  EveryFault() {
    make(folder_ / "old.safetensors", 1);
    make(folder_ / "new.safetensors", 2);
    fs::create_directory(folder_ / "kept");
    EXPECT_TRUE(run(posix_env(), folder_ / "kept", "old").ok());
    old_ = *digests(folder_ / "kept");
    fs::copy(folder_ / "kept", folder_ / "fresh", fs::copy_options::recursive);
    EXPECT_TRUE(run(posix_env(), folder_ / "fresh", "new").ok());
    new_ = *digests(folder_ / "fresh");
    EXPECT_NE(old_, new_);
  }

  Outcome<RunReport> perform(Env& env, const std::string& plan) {
    SessionOptions options;
    options.threads = 1;  // FaultyEnv is not for several
    options.sync = false;
    return Session(env, quiet_, options).run(std::make_shared<SourceText>(SourceText{"plan.yaml", plan}));
  }
  void make(const std::string& path, int seed) {
    std::string plan = "transforms:\n";
    for (const char* name : {"a", "b", "c"})
      plan += fmt::format("- rand: {{target: {}, shape: [40, 9], seed: {}}}\n", name, seed++ + name[0]);
    EXPECT_TRUE(perform(posix_env(), plan + "output: " + path).ok());
  }
  // Writes the old or the new checkpoint below `folder`.
  Outcome<RunReport> run(Env& env, const std::string& folder, const std::string& which) {
    const Kind& kind = GetParam();
    const std::string target = folder + "/" + kind.target;
    const bool from_itself = kind.over_input && which == "new";
    std::string plan = fmt::format("inputs: ['{}']\ntransforms:\n- scale_: {{target: a, by: 2}}\n",
                                   from_itself ? target : folder_ / (which + ".safetensors"));
    plan += kind.saves_tensor ? fmt::format("- save: {{path: '{}', target: a}}\n", target)
                              : fmt::format("output: {{path: '{}'{}}}\n", target, kind.options);
    return perform(env, plan);
  }
  // nullopt: it cannot be read.
  std::optional<std::string> digests(const std::string& folder) {
    Outcome<std::string> text = Session(posix_env(), quiet_, {}).inspect_json(folder + "/" + GetParam().target, true);
    return text.ok() ? std::optional(text.value()) : std::nullopt;
  }
  static std::vector<std::string> entries(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      names.push_back(entry.path().string().substr(folder.size()));
    std::ranges::sort(names);
    return names;
  }

  int survive(bool dies, bool exchange_works);

  TempDir folder_;
  Quiet quiet_;
  std::string old_, new_;
};

int EveryFault::survive(bool dies, bool exchange_works) {
  static constexpr std::array kReasons{"No space left on device", "Input/output error", "Permission denied"};
  const std::string work = folder_ / "work";
  for (int fail_at = 1;; ++fail_at) {
    fs::remove_all(work);
    fs::copy(folder_ / "kept", work, fs::copy_options::recursive);
    FaultyEnv env(posix_env(), {.fail_at = fail_at,
                                .dies = dies,
                                .reason = kReasons[static_cast<std::size_t>(fail_at) % kReasons.size()],
                                .exchange_works = exchange_works,
                                .syncs = false});
    const Outcome<RunReport> outcome = run(env, work, "new");
    if (!env.failed()) {
      EXPECT_TRUE(outcome.ok());
      return fail_at - 1;
    }
    const std::string where = fmt::format("call {}: {}", fail_at, env.calls()[static_cast<std::size_t>(fail_at) - 1]);
    if (!outcome.ok()) {
      EXPECT_EQ(outcome.error().code(), ErrorCode::run) << where << ": " << to_string(outcome.error());
    }
    std::optional<std::string> now = digests(work);
    if (!now && !exchange_works) {  // half published: the reader is told, and the next run finishes it
      EXPECT_TRUE(fs::exists(work + "/" + GetParam().target + "/" + std::string(kJournalName))) << where;
      FaultyEnv quick(posix_env(), {.syncs = false});
      recover(quick, work + "/" + GetParam().target);
      now = digests(work);
    }
    EXPECT_TRUE(now == new_ || (!outcome.ok() && now == old_)) << where << ": " << now.value_or("cannot be read");
    EXPECT_TRUE(run(posix_env(), work, "new").ok()) << where;
    EXPECT_TRUE(GetParam().over_input || digests(work) == new_) << where;
    EXPECT_EQ(entries(work), entries(folder_ / "fresh")) << where;
    if (HasFailure()) return fail_at;
  }
}

TEST_P(EveryFault, LeavesTheOldOrTheNew) {
  for (const bool dies : {false, true}) {
    EXPECT_GT(survive(dies, true), 10);
    if (GetParam().directory) {
      EXPECT_GT(survive(dies, false), 20);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, EveryFault,
    ::testing::Values(Kind{.name = "safetensors", .target = "m.safetensors"}, Kind{.name = "torch", .target = "m.pt"},
                      Kind{.name = "gguf", .target = "m.gguf"},
                      Kind{.name = "numpy", .target = "m.npy", .saves_tensor = true},
                      Kind{.name = "npz", .target = "m.npz"},
                      Kind{.name = "over_itself", .target = "m.safetensors", .over_input = true},
                      Kind{.name = "torch_over_itself", .target = "m.pt", .over_input = true},
                      Kind{.name = "shards", .target = "m", .options = ", shard: 2KB", .directory = true},
                      Kind{.name = "shards_over_themselves",
                           .target = "m",
                           .options = ", shard: 2KB",
                           .over_input = true,
                           .directory = true},
                      Kind{.name = "dcp", .target = "m", .options = ", format: dcp", .directory = true}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace brainsurgery
