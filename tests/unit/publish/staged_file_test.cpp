#include "publish/staged_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "brainsurgery/error.h"
#include "support/faulty_env.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using testing::FaultyEnv;
using testing::read_file;
using testing::TempDir;
using testing::write_file;

void publish(Env& env, const std::string& target, std::string_view content, PublishOptions options = {}) {
  StagedFile staged(env, target, options);
  staged.file().resize(static_cast<std::int64_t>(content.size()));
  staged.file().write(0, std::as_bytes(std::span(content)));
  staged.commit();
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

TEST(StagedFile, NewReplacedAndDiscarded) {
  const TempDir dir;
  const std::string target = dir / "x/y/out";
  publish(posix_env(), target, "one");
  EXPECT_EQ(read_file(target), "one");
  publish(posix_env(), target, "two", {.overwrite = true, .sync = false});
  EXPECT_EQ(read_file(target), "two");
  {
    StagedFile staged(posix_env(), target, {});
    staged.file().write(0, std::as_bytes(std::span("three", 5)));
    EXPECT_EQ(posix_env().list(dir / "x/y").size(), 2U);
    StagedFile elsewhere(posix_env(), dir / "p/q/out", {});
  }
  EXPECT_EQ(read_file(target), "two");
  EXPECT_EQ(posix_env().list(dir / "x/y"), Names{"out"});
  EXPECT_EQ(posix_env().list(dir.path()), Names{"x"});  // parents made for nothing are gone
}

TEST(StagedFile, ModesAreKept) {
  const TempDir dir;
  const mode_t mask = ::umask(027);
  publish(posix_env(), dir / "new", "x");
  ::umask(mask);
  EXPECT_EQ(posix_env().status(dir / "new")->mode, 0640U);
  ASSERT_EQ(::chmod((dir / "new").c_str(), 0604), 0);
  publish(posix_env(), dir / "new", "y");
  EXPECT_EQ(posix_env().status(dir / "new")->mode, 0604U);
}

TEST(StagedFile, LinksAreReplaced) {
  const TempDir dir;
  write_file(dir / "blob", "shared");
  std::filesystem::create_symlink("blob", dir / "link");
  std::filesystem::create_symlink("nothing", dir / "dangling");
  publish(posix_env(), dir / "link", "mine");
  publish(posix_env(), dir / "dangling", "mine");
  EXPECT_EQ(read_file(dir / "blob"), "shared");
  EXPECT_EQ(read_file(dir / "link"), "mine");
  EXPECT_FALSE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_EQ(posix_env().list(dir.path()), (Names{"blob", "dangling", "link"}));
}

TEST(StagedFile, Refusals) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "folder");
  std::filesystem::create_symlink("folder", dir / "to_folder");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  write_file(dir / "file", "x");
  const auto refusal = [&](const std::string& path, PublishOptions options = {}) {
    return error_of([&] { publish(posix_env(), path, "y", options); });
  };
  EXPECT_EQ(refusal(dir / "folder"), "cannot write '" + dir / "folder" + "': it is a directory");
  EXPECT_EQ(refusal(dir / "to_folder"), "cannot write '" + dir / "to_folder" + "': it is a directory");
  EXPECT_EQ(refusal(dir / "fifo"), "cannot write '" + dir / "fifo" + "': it is not a regular file");
  EXPECT_EQ(refusal("/dev/stdout"), "cannot write '/dev/stdout': it is not a place for files");
  EXPECT_EQ(refusal("/dev/null"), "cannot write '/dev/null': it is not a place for files");
  EXPECT_EQ(refusal(dir / ""), "cannot write '" + dir.path() + "/': it names no file");
  EXPECT_EQ(refusal(dir / "file", {.overwrite = false}),
            "cannot write '" + dir / "file" + "': it already exists; overwriting is disabled");
  EXPECT_NE(refusal(dir / "file/under"), "no error");
  EXPECT_EQ(read_file(dir / "file"), "x");
  EXPECT_EQ(posix_env().list(dir.path()), (Names{"fifo", "file", "folder", "to_folder"}));
}

TEST(StagedFile, ChangesByOthersAreNoticed) {
  const TempDir dir;
  const std::string target = dir / "out";
  StagedFile first(posix_env(), target, {}), second(posix_env(), target, {});
  first.commit();
  EXPECT_EQ(error_of([&] { second.commit(); }),
            "cannot publish '" + target + "': it was created by another program meanwhile");
  StagedFile third(posix_env(), target, {}), fourth(posix_env(), target, {});
  write_file(target, "changed");
  EXPECT_EQ(error_of([&] { third.commit(); }),
            "cannot publish '" + target + "': it was changed by another program meanwhile");
  posix_env().remove(target);
  EXPECT_EQ(error_of([&] { fourth.commit(); }),
            "cannot publish '" + target + "': it was removed by another program meanwhile");
}

TEST(StagedFile, OverTheInputItself) {
  const TempDir dir;
  write_file(dir / "model", "old content");
  const auto input = posix_env().open(dir / "model");
  publish(posix_env(), dir / "model", "new");
  std::string text(11, ' ');
  input->read(0, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "old content");
  EXPECT_EQ(read_file(dir / "model"), "new");
}

TEST(StagedFile, StaleStagingGoesLiveStays) {
  const TempDir dir;
  const auto stale = [&](const std::string& name) {
    write_file(dir / "new", "stale");
    posix_env().rename(dir / "new", dir / staging_name(name, kFileSuffix, posix_env().status(dir / "new")->inode));
  };
  stale("out");
  stale("other");  // another target's
  write_file(dir / ".out.brainsurgery-0123456789abcdef.tmp", "not ours: it has another inode");
  write_file(dir / ".out.brainsurgery-0123abcd.tmp", "not ours either");
  write_file(dir / ".out.brainsurgery-89abcdef.tmp", "");
  StagedFile live(posix_env(), dir / "out", {});
  EXPECT_EQ(posix_env().list(dir.path()).size(), 4U);
  StagedFile second(posix_env(), dir / "out", {});
  EXPECT_EQ(posix_env().list(dir.path()).size(), 5U);
  second.commit();
}

TEST(StagedFile, HousekeepingNamesAreNoTargets) {
  const TempDir dir;
  for (const char* name :
       {".brainsurgery-journal", ".brainsurgery-0123abcd/x", ".x.brainsurgery-1.tmp", "a/.brainsurgery-/x"}) {
    const std::string message = error_of([&] { publish(posix_env(), dir / name, "x"); });
    EXPECT_NE(message.find("are kept for unfinished publications"), std::string::npos) << name << ": " << message;
  }
  publish(posix_env(), dir / "x.brainsurgery-y", "x");
  publish(posix_env(), dir / ".brainsurgery", "x");
}

// Every call fails in turn, and in turn is the last one before a kill: the target is the old or the new file, and the
// next run leaves nothing behind.
TEST(StagedFile, SurvivesEveryFault) {
  for (const bool exists : {false, true}) {
    for (const bool dies : {false, true}) {
      int faults = 0;
      for (int fail_at = 1;; ++fail_at) {
        const TempDir dir;
        const std::string target = dir / "sub/out";
        if (exists) publish(posix_env(), target, "old", {.sync = false});
        FaultyEnv env(posix_env(), {.fail_at = fail_at, .dies = dies, .syncs = false});
        bool done = true;
        try {
          publish(env, target, "new");
        } catch (const Error& error) {
          done = false;
          EXPECT_EQ(error.code(), ErrorCode::run);
        }
        if (!env.failed()) break;
        ++faults;
        const std::string content = read_file(target);
        EXPECT_TRUE(content == "new" || (!done && content == (exists ? "old" : ""))) << env.calls().back();
        if (!dies && !exists && content.empty()) {
          EXPECT_FALSE(std::filesystem::exists(dir / "sub/out")) << env.calls().back();
        }
        publish(posix_env(), target, "next", {.sync = false});
        EXPECT_EQ(read_file(target), "next");
        EXPECT_EQ(posix_env().list(dir / "sub"), Names{"out"}) << env.calls().back();
      }
      EXPECT_GT(faults, 10);
    }
  }
}

TEST(FreeSpace, IsCheckedInTheNearestFolder) {
  const TempDir dir;
  check_free_space(posix_env(), dir / "not/yet", 1);
  const std::string message = error_of([&] { check_free_space(posix_env(), dir / "not/yet", std::int64_t{1} << 60); });
  EXPECT_TRUE(message.starts_with("not enough space in '" + dir / "not/yet" + "': 1.0 EB needed, ")) << message;
}

}  // namespace
}  // namespace brainsurgery
