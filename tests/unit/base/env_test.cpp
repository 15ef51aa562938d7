#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

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

TEST(Env, ReadsExactly) {
  const TempDir dir;
  write_file(dir / "a", "hello world");
  const auto file = posix_env().open(dir / "a");
  std::string text(5, '?');
  file->read(6, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "world");
  EXPECT_EQ(file->status().size, 11);
  EXPECT_EQ(error_of([&] { file->read(7, std::as_writable_bytes(std::span(text))); }),
            "cannot read '" + dir / "a" + "': it is shorter than 12 bytes (truncated?)");
  EXPECT_TRUE(file->status().same_content(file->current_status()));
  write_file(dir / "a", "changed");
  EXPECT_FALSE(file->status().same_content(file->current_status()));
}

TEST(Env, OpensRegularFilesOnly) {
  const TempDir dir;
  write_file(dir / "a", "x");
  std::filesystem::create_symlink("a", dir / "link");
  EXPECT_EQ(posix_env().open(dir / "link")->status().size, 1);
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { (void)posix_env().open(dir / "fifo"); }),
            "cannot open '" + dir / "fifo" + "': it is not a regular file");
  EXPECT_EQ(error_of([&] { (void)posix_env().open(dir.path()); }), "cannot open '" + dir.path() + "': Is a directory");
  EXPECT_EQ(error_of([&] { (void)posix_env().open(dir / "no"); }),
            "cannot open '" + dir / "no" + "': No such file or directory");
  EXPECT_NE(error_of([&] { (void)posix_env().read_text(dir / "fifo", 10); }), "no error");
}

TEST(Env, StatusOfImpossibleNames) {
  const TempDir dir;
  EXPECT_FALSE(posix_env().status(dir / std::string(300, 'x')).has_value());
  EXPECT_FALSE(posix_env().status(dir / std::string(5000, 'x'), false).has_value());
  std::filesystem::create_symlink("loop", dir / "loop");
  EXPECT_EQ(posix_env().status(dir / "loop", false)->kind, FileStatus::Kind::link);
  EXPECT_EQ(error_of([&] { (void)posix_env().status(dir / "loop"); }),
            "cannot examine '" + dir / "loop" + "': Too many levels of symbolic links");
}

TEST(Env, RefusesPathsThatWouldBeCut) {
  const TempDir dir;
  write_file(dir / "a", "x");
  const std::string cut = dir / "a" + std::string("\0b", 2);
  const std::string message = "a path contains a NUL character after '" + dir / "a" + "'";
  Env& env = posix_env();
  EXPECT_EQ(error_of([&] { (void)env.open(cut); }), message);
  EXPECT_EQ(error_of([&] { (void)env.create(cut); }), message);
  EXPECT_EQ(error_of([&] { (void)env.status(cut); }), message);
  EXPECT_EQ(error_of([&] { (void)env.real_path(cut); }), message);
  EXPECT_EQ(error_of([&] { env.rename(dir / "a", cut); }), message);
  EXPECT_EQ(error_of([&] { env.remove(cut); }), message);
  EXPECT_EQ(error_of([&] { env.make_directory(cut); }), message);
  EXPECT_EQ(env.list(dir.path()), std::vector<std::string>{"a"});
}

TEST(Env, SaysThatTheWorkingDirectoryIsGone) {
  const TempDir dir;
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directory(dir / "gone");
  std::filesystem::current_path(dir / "gone");
  std::filesystem::remove(dir / "gone");
  EXPECT_EQ(error_of([] { (void)posix_env().status("a"); }), "cannot examine 'a': the working directory was deleted");
  EXPECT_EQ(error_of([] { (void)posix_env().create("a"); }), "cannot create 'a': the working directory was deleted");
  EXPECT_EQ(error_of([] { (void)posix_env().real_path("."); }),
            "cannot resolve '.': the working directory was deleted");
  EXPECT_FALSE(posix_env().status(dir / "a").has_value());
  std::filesystem::current_path(before);
}

TEST(Env, ReadText) {
  const TempDir dir;
  write_file(dir / "a", std::string(100000, 'x'));
  EXPECT_EQ(posix_env().read_text(dir / "a", 100000).size(), 100000U);
  EXPECT_EQ(error_of([&] { (void)posix_env().read_text(dir / "a", 99999); }),
            "cannot read '" + dir / "a" + "': it is longer than 99999 bytes");
}

TEST(Env, WritesNewFiles) {
  const TempDir dir;
  const std::string path = dir / "new";
  const auto file = posix_env().create(path);
  file->resize(8);
  file->reserve(0, 8);
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
  file->write(2, std::as_bytes(std::span("abc", 3)));
  file->start_writeback(0, 8);
  file->resize(5);
  file->set_mode(0640);
  file->sync();
  file->close();
  EXPECT_EQ(read_file(path), std::string("\0\0abc", 5));
  EXPECT_EQ(posix_env().status(path)->mode, 0640U);
  EXPECT_EQ(error_of([&] { (void)posix_env().create(path); }), "cannot create '" + path + "': File exists");
}

// A limit in the middle of what is written: the system takes a part first and refuses the rest.
TEST(Env, GoesOnAfterAShortWrite) {
  const TempDir dir;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto file = posix_env().create(dir / "a");
  const rlimit limit{60, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string text(100, 'x');
  const std::string message = error_of([&] { file->write(0, std::as_bytes(std::span(text))); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write '" + dir / "a" + "': File too large");
  EXPECT_EQ(read_file(dir / "a"), std::string(60, 'x'));
}

TEST(Env, ReservingTooMuchIsAnError) {
  const TempDir dir;
  const auto file = posix_env().create(dir / "big");
  EXPECT_NE(error_of([&] { file->reserve(0, std::int64_t{1} << 62); }), "no error");
}

TEST(Env, MapsAndReleases) {
  const TempDir dir;
  write_file(dir / "a", std::string(10000, 'x'));
  write_file(dir / "empty", "");
  const auto map = posix_env().open(dir / "a")->map();
  ASSERT_EQ(map->bytes().size(), 10000U);
  EXPECT_EQ(map->bytes()[9999], std::byte{'x'});
  map->release(0, 10000);
  map->release(5, 9000);
  EXPECT_EQ(map->bytes()[5], std::byte{'x'});
  EXPECT_FALSE(map->damaged());
  EXPECT_TRUE(posix_env().open(dir / "empty")->map()->bytes().empty());
}

TEST(Env, TruncatedMapReadsZerosAndIsDamaged) {
  const TempDir dir;
  std::vector<std::shared_ptr<const FileMap>> others;  // more than one block of the registry
  write_file(dir / "other", "y");
  for (int i = 0; i < 600; ++i) others.push_back(posix_env().open(dir / "other")->map());
  write_file(dir / "a", std::string(100000, 'x'));
  const auto map = posix_env().open(dir / "a")->map();
  std::filesystem::resize_file(dir / "a", 5000);
  EXPECT_EQ(map->bytes()[4999], std::byte{'x'});
  EXPECT_FALSE(map->damaged());
  EXPECT_EQ(map->bytes()[50000], std::byte{0});
  EXPECT_TRUE(map->damaged());
  EXPECT_EQ(map->bytes()[99999], std::byte{0});
  for (const auto& other : others) EXPECT_FALSE(other->damaged());
  const auto file = posix_env().create(dir / "copy");
  EXPECT_NE(error_of([&] { file->write(0, map->bytes().subspan(20000, 40000)); }), "");
}

// A sanitizer catches the signal before us and exits with a report.
bool ended_by_bus_error(int status) {
  return (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) || (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

TEST(Env, ForeignBusErrorStillKills) {
  const TempDir dir;
  write_file(dir / "a", std::string(8192, 'x'));
  (void)posix_env();
  EXPECT_EXIT(
      {
        const int fd = ::open((dir / "a").c_str(), O_RDONLY);
        const char* p = static_cast<const char*>(::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0));
        std::filesystem::resize_file(dir / "a", 0);
        volatile char c = p[5000];
        (void)c;
      },
      ended_by_bus_error, "");
  EXPECT_EXIT(
      {
        ::raise(SIGBUS);
        ::pause();
      },
      ended_by_bus_error, "");
}

TEST(Env, NamesAndDirectories) {
  const TempDir dir;
  Env& env = posix_env();
  env.make_directories(dir / "x/y//z");
  env.make_directories(dir / "x/y/z");
  env.make_directories(dir / "x/y/z/");
  write_file(dir / "x/b", "b");
  write_file(dir / "x/a", "a");
  EXPECT_EQ(env.list(dir / "x"), (std::vector<std::string>{"a", "b", "y"}));
  EXPECT_NE(error_of([&] { env.make_directories(dir / "x/a/c"); }), "no error");
  EXPECT_FALSE(env.status(dir / "x/nothing").has_value());
  EXPECT_FALSE(env.status(dir / "x/b/under-a-file").has_value());
  std::filesystem::create_symlink("nowhere", dir / "dangling");
  EXPECT_FALSE(env.status(dir / "dangling").has_value());
  EXPECT_EQ(env.status(dir / "dangling", false)->kind, FileStatus::Kind::link);
  env.hard_link(dir / "dangling", dir / "dangling2");
  EXPECT_EQ(env.status(dir / "dangling2", false)->kind, FileStatus::Kind::link);
  if (env.exchange(dir / "x/a", dir / "x/b")) {
    EXPECT_EQ(read_file(dir / "x/a"), "b");
  }
  env.rename(dir / "x/a", dir / "x/c");
  env.remove(dir / "x/c");
  env.remove(dir / "x/y/z");
  EXPECT_NE(error_of([&] { env.remove(dir / "x"); }), "no error");
  EXPECT_EQ(env.real_path(dir / "x/../x"), std::filesystem::canonical(dir / "x").string());
  EXPECT_GT(env.free_bytes(dir.path()), 0);
  env.sync_directory(dir.path());
}

TEST(Env, CopiesAttributes) {
  const TempDir dir;
  write_file(dir / "a", "");
  write_file(dir / "b", "");
  ASSERT_EQ(::chmod((dir / "a").c_str(), 0604), 0);
  posix_env().copy_attributes(dir / "a", dir / "b");
  EXPECT_EQ(posix_env().status(dir / "b")->mode, 0604U);
}

TEST(Env, LocksExcludeEachOther) {
  const TempDir dir;
  write_file(dir / "a", "");
  auto lock = posix_env().try_lock(dir / "a");
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(posix_env().try_lock(dir / "a"), nullptr);
  lock.reset();
  EXPECT_NE(posix_env().try_lock(dir / "a"), nullptr);
  EXPECT_NE(posix_env().try_lock(dir.path()), nullptr);
}

}  // namespace
}  // namespace brainsurgery
