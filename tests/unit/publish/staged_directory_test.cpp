#include "publish/staged_directory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "brainsurgery/error.h"
#include "publish/staging.h"
#include "support/faulty_env.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::FaultPlan;
using testing::FaultyEnv;
using testing::read_file;
using testing::TempDir;
using testing::write_file;

using Files = std::map<std::string, std::string>;

bool belongs(std::string_view name) { return name.starts_with("model"); }

const Files kOld{{"model-1-of-2", "old 1"}, {"model-2-of-2", "old 2"}, {"model.index.json", "old index"}};
const Files kNew{{"model-1-of-1", "new 1"}, {"model.index.json", "new index"}};
const Files kForeign{{"config.json", "{}"}, {"tokenizer", "words"}};

Files together(Files a, const Files& b) {
  a.insert(b.begin(), b.end());
  return a;
}

PublishReport publish(Env& env, const std::string& target, const Files& files, PublishOptions options = {}) {
  StagedDirectory staged(env, target, belongs, options);
  for (const auto& [name, content] : files) staged.create(name).write(0, std::as_bytes(std::span(content)));
  return staged.commit();
}

void make_directory(const std::string& path, const Files& files) {
  std::filesystem::create_directories(path);
  for (const auto& [name, content] : files) write_file(path + "/" + name, content);
}

// The files of a folder, hidden ones too.
Files files_in(const std::string& path) {
  Files files;
  if (!std::filesystem::exists(path)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (!entry.is_directory()) files[entry.path().filename()] = read_file(entry.path());
  }
  return files;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    return error.what();
  }
  return "no error";
}

using Names = std::vector<std::string>;

TEST(StagedDirectory, NewOnesAppearWhole) {
  const TempDir dir;
  {
    StagedDirectory staged(posix_env(), dir / "a/b/", belongs, {});
    staged.create("model-1-of-1").write(0, std::as_bytes(std::span("x", 1)));
    EXPECT_FALSE(std::filesystem::exists(dir / "a/b"));
  }
  EXPECT_TRUE(posix_env().list(dir.path()).empty());
  const PublishReport report = publish(posix_env(), dir / "a/b/", kNew);
  EXPECT_TRUE(report.atomic);
  EXPECT_FALSE(report.replaced);
  EXPECT_EQ(files_in(dir / "a/b"), kNew);
  EXPECT_EQ(posix_env().list(dir / "a"), Names{"b"});
}

void check_replacement(Env& env, bool subfolder) {
  const TempDir dir;
  const std::string target = dir / "out";
  make_directory(target, together(kOld, kForeign));
  std::filesystem::create_symlink("elsewhere", target + "/link");
  if (subfolder) make_directory(target + "/onnx", {{"model", "kept"}});
  ASSERT_EQ(::chmod(target.c_str(), 0750), 0);
  const auto config = posix_env().status(target + "/config.json");
  const PublishReport report = publish(env, target, kNew);
  EXPECT_TRUE(report.replaced);
  EXPECT_EQ(report.removed, (Names{"model-1-of-2", "model-2-of-2"}));
  EXPECT_EQ(posix_env().status(target + "/link", false)->kind, FileStatus::Kind::link);
  std::filesystem::remove(target + "/link");
  EXPECT_EQ(files_in(target), together(kNew, kForeign));
  EXPECT_EQ(posix_env().status(target)->mode, 0750U);
  EXPECT_EQ(posix_env().status(target + "/config.json")->inode, config->inode);
  EXPECT_EQ(posix_env().list(dir.path()), Names{"out"});
  if (subfolder) {
    EXPECT_FALSE(report.atomic);
    EXPECT_EQ(files_in(target + "/onnx"), (Files{{"model", "kept"}}));
  }
}

TEST(StagedDirectory, ReplacesAndKeepsForeignEntries) {
  check_replacement(posix_env(), false);
  check_replacement(posix_env(), true);
  FaultyEnv env(posix_env(), {.exchange_works = false});
  check_replacement(env, false);
}

TEST(StagedDirectory, ExchangesWhereItCan) {
  const TempDir dir;
  make_directory(dir / "probe1", {});
  make_directory(dir / "probe2", {});
  const bool can = posix_env().exchange(dir / "probe1", dir / "probe2");
  make_directory(dir / "out", together(kOld, kForeign));
  EXPECT_EQ(publish(posix_env(), dir / "out", kNew).atomic, can);
}

TEST(StagedDirectory, NotAtomicWithTheWorkingDirectoryInside) {
  const TempDir dir;
  make_directory(dir / "out", kOld);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir / "out");
  EXPECT_FALSE(publish(posix_env(), ".", kNew).atomic);
  EXPECT_EQ(files_in("."), kNew);
  std::filesystem::current_path(before);
}

TEST(StagedDirectory, LinkToADirectoryIsResolved) {
  const TempDir dir;
  make_directory(dir / "real", kOld);
  std::filesystem::create_symlink("real", dir / "link");
  publish(posix_env(), dir / "link", kNew);
  EXPECT_EQ(files_in(dir / "real"), kNew);
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
}

TEST(StagedDirectory, Refusals) {
  const TempDir dir;
  write_file(dir / "file", "x");
  std::filesystem::create_symlink("nothing", dir / "dangling");
  make_directory(dir / "out", kOld);
  const auto refusal = [&](const std::string& path, const Files& files, PublishOptions options = {}) {
    return error_of([&] { publish(posix_env(), path, files, options); });
  };
  EXPECT_EQ(refusal(dir / "file", kNew), "cannot write into '" + dir / "file" + "': it is not a directory");
  EXPECT_EQ(refusal(dir / "dangling", kNew),
            "cannot write into '" + dir / "dangling" + "': it is a link that points to nothing");
  EXPECT_EQ(refusal(dir / "out", {{"a/b", ""}}),
            "cannot write 'a/b' into '" + dir / "out" + "': it is not a plain file name");
  EXPECT_EQ(refusal(dir / "out", {{"..", ""}}),
            "cannot write '..' into '" + dir / "out" + "': it is not a plain file name");
  EXPECT_EQ(refusal(dir / "out", kNew, {.overwrite = false}),
            "cannot write '" + dir / "out" + "': 'model-1-of-2' already exists there; overwriting is disabled");
  EXPECT_EQ(files_in(dir / "out"), kOld);
  make_directory(dir / "free", kForeign);
  EXPECT_EQ(refusal(dir / "free", {{"config.json", ""}}, {.overwrite = false}),
            "cannot write '" + dir / "free/config.json" + "': it already exists; overwriting is disabled");
  publish(posix_env(), dir / "free", kNew, {.overwrite = false});
  EXPECT_EQ(files_in(dir / "free"), together(kNew, kForeign));
  make_directory(dir / "nested/model-x", {});
  EXPECT_EQ(refusal(dir / "nested", kNew), "cannot replace '" + dir / "nested/model-x" + "': it is a directory");
}

TEST(StagedDirectory, ChangesByOthersAreNoticed) {
  const TempDir dir;
  make_directory(dir / "out", kOld);
  const auto outcome = [&](const std::function<void()>& change) {
    StagedDirectory staged(posix_env(), dir / "out", belongs, {});
    staged.create("model.index.json");
    change();
    return error_of([&] { (void)staged.commit(); });
  };
  const auto message = [&](const std::string& name, const std::string& how) {
    return "cannot publish '" + dir / "out/" + name + "': it was " + how + " by another program meanwhile";
  };
  EXPECT_EQ(outcome([&] { write_file(dir / "out/model.index.json", "theirs"); }),
            message("model.index.json", "changed"));
  EXPECT_EQ(outcome([&] { write_file(dir / "out/model-9", ""); }), message("model-9", "created"));
  EXPECT_EQ(outcome([&] { posix_env().remove(dir / "out/model-9"); }), message("model-9", "removed"));
  EXPECT_EQ(outcome([&] { write_file(dir / "out/notes", "theirs"); }), "no error");
  EXPECT_EQ(files_in(dir / "out"), (Files{{"model.index.json", ""}, {"notes", "theirs"}}));

  StagedDirectory first(posix_env(), dir / "fresh", belongs, {}), second(posix_env(), dir / "fresh", belongs, {});
  (void)first.commit();
  EXPECT_EQ(error_of([&] { (void)second.commit(); }),
            "cannot publish '" + dir / "fresh" + "': it was created by another program meanwhile");
}

TEST(StagedDirectory, ChangesDuringThePublicationLeaveTheOldDirectory) {
  struct Moment {
    std::string call, where;  // how the call begins, and ends
  };
  const std::vector<Moment> moments{
      {"link ", ""}, {"create ", ""}, {"rename ", ".draft"}, {"sync ", "/out"}, {"read ", "model-1-of-1"}};
  for (const Moment& moment : moments) {
    for (const bool subfolder : {false, true}) {
      const TempDir dir;
      const std::string target = dir / "out", changed_path = target + "/model-2-of-2";
      make_directory(target, together(kOld, kForeign));
      if (subfolder) make_directory(target + "/onnx", {});
      bool begun = false, changed = false;
      FaultPlan plan;
      plan.before = [&](const std::string& now) {
        if (!begun || changed || !now.starts_with(moment.call) || !now.ends_with(moment.where)) return;
        write_file(changed_path, "theirs");
        changed = true;
      };
      FaultyEnv env(posix_env(), plan);
      {
        StagedDirectory staged(env, target, belongs, {});
        staged.create("model-1-of-1").write(0, std::as_bytes(std::span("new", 3)));
        begun = true;
        const std::string error = error_of([&] { (void)staged.commit(); });
        if (changed) {
          EXPECT_EQ(error, "cannot publish '" + changed_path + "': it was changed by another program meanwhile")
              << moment.call << subfolder;
        }
      }
      if (!changed) continue;
      Files now = together(kOld, kForeign);
      now["model-2-of-2"] = "theirs";
      EXPECT_EQ(files_in(target), now) << moment.call << subfolder;
      EXPECT_EQ(recover(posix_env(), target, false).outcome, Recovery::Outcome::nothing) << moment.call << subfolder;
    }
  }
}

TEST(StagedDirectory, OldFilesThatChangeAtTheExchangeAreKept) {
  const TempDir dir;
  const std::string target = dir / "out";
  make_directory(target, together(kOld, kForeign));
  FaultPlan plan;
  plan.before = [&](const std::string& call) {
    if (call.starts_with("exchange ")) write_file(target + "/model-1-of-2", "theirs, and longer");
  };
  FaultyEnv env(posix_env(), plan);
  const PublishReport report = publish(env, target, kNew);
  if (!report.atomic) GTEST_SKIP() << "the file system cannot exchange";
  EXPECT_EQ(files_in(target), together(kNew, kForeign));
  ASSERT_FALSE(report.swapped_out.empty());
  EXPECT_EQ(files_in(report.swapped_out).at("model-1-of-2"), "theirs, and longer");
}

TEST(StagedDirectory, TwoRunsIntoOneTarget) {
  const TempDir dir;
  make_directory(dir / "out", together(kOld, kForeign));
  StagedDirectory first(posix_env(), dir / "out", belongs, {}), second(posix_env(), dir / "out", belongs, {});
  for (StagedDirectory* each : {&first, &second}) each->create("model.index.json");
  (void)first.commit();
  EXPECT_NE(error_of([&] { (void)second.commit(); }).find("by another program meanwhile"), std::string::npos);
  const auto lock = posix_env().try_lock(dir / "out");
  EXPECT_EQ(error_of([&] { publish(posix_env(), dir / "out", kNew); }),
            "another program is publishing to '" + dir / "out" + "'");
}

// Every call fails in turn (`dies`: and nothing works afterwards, as after kill -9). Without a kill the folder is old
// or new; after one it is old or new once recovered. The next run leaves nothing behind.
void survive_every_fault(bool exists, bool dies, bool exchange_works) {
  int faults = 0;
  for (int fail_at = 1;; ++fail_at) {
    const TempDir dir;
    const std::string target = dir / "sub/out";
    if (exists) make_directory(target, together(kOld, kForeign));
    const Files old_files = exists ? together(kOld, kForeign) : Files{};
    const Files new_files = exists ? together(kNew, kForeign) : kNew;
    FaultyEnv env(posix_env(), {.fail_at = fail_at, .dies = dies, .exchange_works = exchange_works, .syncs = false});
    bool done = true;
    try {
      publish(env, target, kNew);
    } catch (const Error& error) {
      done = false;
      EXPECT_EQ(error.code(), ErrorCode::run) << error.what();
    }
    if (!env.failed()) break;
    ++faults;
    const std::string where = env.calls()[static_cast<std::size_t>(fail_at) - 1];
    FaultyEnv quick(posix_env(), {.syncs = false});
    recover(quick, target);
    const Files now = files_in(target);
    EXPECT_TRUE(now == new_files || (!done && now == old_files)) << where;
    if (exists) {
      EXPECT_EQ(posix_env().list(dir / "sub"), Names{"out"}) << where;
    }
    publish(posix_env(), target, {{"model-3", "next"}}, {.sync = false});
    EXPECT_EQ(files_in(target), together({{"model-3", "next"}}, exists ? kForeign : Files{})) << where;
    EXPECT_EQ(posix_env().list(dir / "sub"), Names{"out"}) << where;
    EXPECT_EQ(posix_env().list(target).size(), exists ? 3U : 1U) << where;
  }
  EXPECT_GT(faults, exists ? 40 : 10);
}

TEST(StagedDirectory, SurvivesEveryFault) {
  for (const bool dies : {false, true}) {
    survive_every_fault(false, dies, true);
    survive_every_fault(true, dies, true);
    survive_every_fault(true, dies, false);
  }
}

TEST(StagedDirectory, SurvivesRealKills) {
  const TempDir dir;
  const std::string target = dir / "out";
  make_directory(target, together(kOld, kForeign));
  int published = 0;
  for (int round = 0; round < 25; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // Over and over, alternating, until killed; every other run has to go through the journal.
      FaultyEnv env(posix_env(), {.exchange_works = round % 2 == 0, .syncs = false});
      for (;;) {
        publish(env, target, kNew);
        publish(env, target, kOld);
        if (::write(ends[1], "x", 1) != 1) std::abort();
      }
    }
    char started = 0;
    ASSERT_EQ(::read(ends[0], &started, 1), 1);
    ::usleep(static_cast<useconds_t>(3000 + 1777 * (round % 7)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (const int end : ends) ::close(end);
    FaultyEnv quick(posix_env(), {.syncs = false});
    recover(quick, target);
    const Files now = files_in(target);
    EXPECT_TRUE(now == together(kOld, kForeign) || now == together(kNew, kForeign)) << round;
    published += now == together(kNew, kForeign) ? 1 : 0;
    EXPECT_EQ(posix_env().list(dir.path()), Names{"out"});
  }
  EXPECT_GT(published, 0);
}

TEST(Staging, RemovesRealFoldersOnly) {
  const TempDir dir;
  make_directory(dir / "elsewhere", {{"precious", "kept"}});
  std::filesystem::create_directory_symlink(dir / "elsewhere", dir / "link");
  EXPECT_EQ(error_of([&] { remove_flat_directory(posix_env(), dir / "link"); }),
            "cannot remove '" + dir / "link" + "': it is not a directory");
  EXPECT_EQ(files_in(dir / "elsewhere"), (Files{{"precious", "kept"}}));
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  remove_flat_directory(posix_env(), dir / "elsewhere");
  EXPECT_FALSE(std::filesystem::exists(dir / "elsewhere"));
}

}  // namespace
}  // namespace brainsurgery
