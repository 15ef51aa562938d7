// Attacks on rooted_env(): whatever the path and whoever changes folders meanwhile, nothing outside of the root is read
// or written.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using testing::read_file;
using testing::TempDir;
using testing::write_file;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    return error.what();
  }
  return "no error";
}

std::string outside(const std::string& path) {
  return "cannot use '" + path + "': the path leads outside of the root folder";
}

class RootedEnv : public ::testing::Test {
 protected:
  RootedEnv() {
    fs::create_directories(dir_ / "base/models/deep");
    write_file(dir_ / "secret", "secret");
    write_file(dir_ / "base/models/a", "inside");
    fs::create_directory(dir_ / "base-beside");
    write_file(dir_ / "base-beside/b", "secret");
    env_ = rooted_env(dir_ / "base");
  }

  std::string text_of(const std::string& path) { return env_->read_text(path, 100); }

  TempDir dir_;
  std::unique_ptr<Env> env_;
};

TEST_F(RootedEnv, StartsRelativePathsAtTheRoot) {
  EXPECT_EQ(text_of("models/a"), "inside");
  EXPECT_EQ(text_of("./models//deep/../a"), "inside");
  EXPECT_EQ(env_->open("models/a")->path(), "models/a");
  EXPECT_EQ(env_->list("."), std::vector<std::string>{"models"});
  EXPECT_EQ(env_->list("models/"), (std::vector<std::string>{"a", "deep"}));
  EXPECT_EQ(env_->status("models/a")->size, 6);
  EXPECT_FALSE(env_->status("models/b"));
  EXPECT_FALSE(env_->status("nothing/b"));
  EXPECT_FALSE(env_->status("models/a/b"));
  EXPECT_FALSE(env_->status(""));
  EXPECT_FALSE(env_->status(std::string(300, 'x')));
  EXPECT_GT(env_->free_bytes("models"), 0);
  EXPECT_EQ(error_of([&] { (void)env_->open("models/b"); }), "cannot open 'models/b': No such file or directory");
  EXPECT_EQ(error_of([&] { (void)env_->open("models/a/"); }), "cannot open 'models/a/': Not a directory");
  EXPECT_EQ(error_of([&] { (void)env_->open("models"); }), "cannot open 'models': Is a directory");
}

TEST_F(RootedEnv, TakesTheCanonicalPathsThatItGives) {
  const std::string canonical = env_->real_path("models/deep/..");
  EXPECT_EQ(canonical, fs::canonical(dir_ / "base/models").string());
  EXPECT_EQ(text_of(canonical + "/a"), "inside");
  env_->make_directories(canonical + "/new/one");
  EXPECT_TRUE(fs::is_directory(dir_ / "base/models/new/one"));
  EXPECT_EQ(env_->real_path("."), fs::canonical(dir_ / "base").string());
  EXPECT_EQ(error_of([&] { (void)env_->real_path("no"); }), "cannot resolve 'no': No such file or directory");
}

TEST_F(RootedEnv, RefusesPathsThatLeadOutside) {
  const std::string canonical = fs::canonical(dir_ / "base").string();
  for (const std::string& path :
       {std::string("../secret"), std::string("models/../../secret"), std::string("models/deep/../../../base/models/a"),
        std::string("/etc/passwd"), dir_ / "secret", canonical + "/../secret", canonical + "-beside/b",
        std::string("/"), std::string(".."), std::string("/dev/stdin"), std::string("/proc/self/environ")}) {
    EXPECT_EQ(error_of([&] { (void)env_->open(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->read_text(path, 100); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->create(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->status(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->status(path, false); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->list(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->real_path(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->free_bytes(path); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->make_directory(path); }), outside(path));
    EXPECT_NE(error_of([&] { env_->make_directories(path); }), "no error");
    EXPECT_EQ(error_of([&] { env_->rename("models/a", path); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->rename(path, "models/a"); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->exchange(path, "models/a"); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->hard_link(path, "models/b"); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->hard_link("models/a", path); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->remove(path); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->copy_attributes(path, "models/a"); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->copy_attributes("models/a", path); }), outside(path));
    EXPECT_EQ(error_of([&] { env_->sync_directory(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->try_lock(path); }), outside(path));
  }
  EXPECT_NE(error_of([&] { (void)env_->open(std::string("models\0/../..", 13)); }), "no error");
  EXPECT_EQ(read_file(dir_ / "secret"), "secret");
}

TEST_F(RootedEnv, FollowsLinksThatStayInside) {
  fs::create_symlink("models/a", dir_ / "base/to_file");
  fs::create_symlink("../models", dir_ / "base/models/deep/up");
  fs::create_symlink("deep/../../models/deep/up/", dir_ / "base/models/many");
  fs::create_symlink(fs::canonical(dir_ / "base/models"), dir_ / "base/absolute");
  fs::create_symlink("nothing", dir_ / "base/dangling");
  fs::create_symlink("loop", dir_ / "base/loop");
  EXPECT_EQ(text_of("to_file"), "inside");
  EXPECT_EQ(error_of([&] { (void)text_of("models/deep/up/a"); }),
            "cannot open 'models/deep/up/a': No such file or directory");
  fs::remove(dir_ / "base/models/deep/up");
  fs::create_symlink("../../models", dir_ / "base/models/deep/up");
  EXPECT_EQ(text_of("models/deep/up/a"), "inside");
  EXPECT_EQ(text_of("models/many/a"), "inside");
  EXPECT_EQ(text_of("absolute/a"), "inside");
  EXPECT_EQ(env_->real_path("absolute/many/a"), fs::canonical(dir_ / "base/models/a").string());
  EXPECT_FALSE(env_->status("dangling"));
  EXPECT_EQ(env_->status("dangling", false)->kind, FileStatus::Kind::link);
  EXPECT_EQ(error_of([&] { (void)env_->open("loop"); }), "cannot open 'loop': Too many levels of symbolic links");
  env_->remove("to_file");
  EXPECT_EQ(text_of("models/a"), "inside");
}

TEST_F(RootedEnv, RefusesLinksThatLeadOutside) {
  fs::create_symlink("../secret", dir_ / "base/relative");
  fs::create_symlink(dir_ / "secret", dir_ / "base/absolute");
  fs::create_symlink("..", dir_ / "base/folder");
  fs::create_symlink(dir_.path(), dir_ / "base/absolute_folder");
  fs::create_symlink("/proc/self/root", dir_ / "base/magic");
  fs::create_symlink("../new", dir_ / "base/dangling");
  for (const char* path : {"relative", "absolute", "folder/secret", "absolute_folder/secret", "magic/etc/passwd",
                           "dangling", "folder/new"}) {
    EXPECT_EQ(error_of([&] { (void)env_->open(path); }), outside(path));
    EXPECT_EQ(error_of([&] { (void)env_->status(path); }), outside(path));
  }
  EXPECT_EQ(error_of([&] { (void)env_->create("folder/new"); }), outside("folder/new"));
  EXPECT_EQ(error_of([&] { env_->make_directories("folder/new"); }), outside("folder/new"));
  // The links themselves are in the root.
  EXPECT_EQ(env_->status("relative", false)->kind, FileStatus::Kind::link);
  EXPECT_EQ(error_of([&] { (void)env_->create("dangling"); }), "cannot create 'dangling': File exists");
  env_->rename("relative", "renamed");
  env_->remove("absolute");
  EXPECT_EQ(read_file(dir_ / "secret"), "secret");
  EXPECT_FALSE(fs::exists(dir_ / "new"));
}

TEST_F(RootedEnv, WritesBelowTheRoot) {
  const auto file = env_->create("models/out");
  file->write(0, std::as_bytes(std::span(std::string_view("written"))));
  file->close();
  EXPECT_EQ(read_file(dir_ / "base/models/out"), "written");
  EXPECT_EQ(error_of([&] { (void)env_->create("models/out"); }), "cannot create 'models/out': File exists");
  env_->make_directory("models/one/");
  env_->make_directories("models/two/three");
  env_->rename("models/out", "models/two/out");
  EXPECT_TRUE(env_->exchange("models/two", "models/one"));
  env_->hard_link("models/one/out", "models/link");
  EXPECT_EQ(env_->status("models/link")->links, 2);
  ASSERT_EQ(::chmod((dir_ / "base/models/a").c_str(), 0640), 0);
  env_->copy_attributes("models/a", "models/link");
  EXPECT_EQ(env_->status("models/link")->mode, 0640);
  env_->sync_directory("models");
  EXPECT_NE(env_->try_lock("models/link"), nullptr);
  env_->remove("models/link");
  env_->remove("models/two");
  EXPECT_EQ(error_of([&] { env_->remove("."); }), "cannot remove '.': Invalid argument");
}

TEST_F(RootedEnv, StaysInTheRootWhenItIsRenamed) {
  fs::rename(dir_ / "base", dir_ / "elsewhere");
  EXPECT_EQ(text_of("models/a"), "inside");
  EXPECT_EQ(error_of([&] { (void)rooted_env(dir_ / "base"); }),
            "cannot resolve '" + dir_ / "base" + "': No such file or directory");
  EXPECT_EQ(error_of([&] { (void)rooted_env(dir_ / "secret"); }),
            "cannot open '" + dir_ / "secret" + "': Not a directory");
}

// Another thread swaps a folder for a link to one outside, and a file for a link to a secret, without end.
TEST_F(RootedEnv, ReadsNoSecretWhileLinksAreSwapped) {
  fs::create_directory(dir_ / "outside");
  write_file(dir_ / "outside/a", "secret");
  fs::create_symlink("../outside", dir_ / "base/link");
  fs::create_symlink("../../secret", dir_ / "base/models/deep/link");
  write_file(dir_ / "base/models/deep/file", "inside");
  std::atomic<bool> ended = false;
  std::thread attacker([&] {
    const std::string one = dir_ / "base/models", other = dir_ / "base/link";
    const std::string file = dir_ / "base/models/deep/file", link = dir_ / "base/models/deep/link";
    while (!ended) {
      (void)::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
      (void)::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
      (void)::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    }
  });
  int read = 0, refused = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const char* path : {"models/a", "models/deep/file"}) {
      std::string text;
      if (error_of([&] { text = text_of(path); }) != "no error") {
        ++refused;
        continue;
      }
      ++read;
      ASSERT_EQ(text, "inside");
    }
    static_cast<void>(error_of([&] { env_->create("models/new")->close(); }));
    static_cast<void>(error_of([&] { env_->remove("models/new"); }));
    ASSERT_FALSE(fs::exists(dir_ / "outside/new"));
  }
  ended = true;
  attacker.join();
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace brainsurgery
