#include "exec/buffers.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "brainsurgery/error.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

// Bytes of this process's mappings of files that were deleted from `folder`.
int spilled_mappings(const std::string& folder) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(folder) != std::string::npos ? 1 : 0;
  return count;
}

std::ptrdiff_t open_files() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t pages = 0;
  statm >> pages >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

void fill_and_check(const Buffer& buffer) {
  std::ranges::fill(buffer.bytes(), std::byte{0x5A});
  EXPECT_EQ(std::ranges::count(buffer.bytes(), std::byte{0x5A}), std::ssize(buffer.bytes()));
}

void fill_and_check_piecewise(const Buffer& buffer) {
  std::vector<std::byte> piece(1000);
  for (std::int64_t at = 0; at < std::ssize(buffer.bytes()); at += std::ssize(piece)) {
    std::ranges::fill(piece, static_cast<std::byte>(at / 1000 % 251));
    buffer.write(at, piece);
  }
  std::vector<std::byte> got(2000);
  buffer.read(1500, got);
  EXPECT_EQ(got[0], std::byte{1});
  EXPECT_EQ(got[500], std::byte{2});
  EXPECT_EQ(got[1999], std::byte{3});
}

TEST(Buffers, InMemory) {
  const testing::TempDir folder;
  const auto buffer = memory_buffer(10'000);
  EXPECT_FALSE(buffer->spilled());
  fill_and_check_piecewise(*buffer);
  fill_and_check(*buffer);
}

TEST(Buffers, SpilledOnesLeaveNothing) {
  const testing::TempDir folder;
  const std::ptrdiff_t files = open_files();
  auto buffer = spilled_buffer(10'000, folder / "spill");
  EXPECT_TRUE(buffer->spilled());
  EXPECT_FALSE(std::filesystem::exists(folder / "spill")) << "files without a name need no folder";
  EXPECT_EQ(open_files(), files + 1);
  fill_and_check_piecewise(*buffer);
  fill_and_check(*buffer);
  buffer.reset();
  EXPECT_EQ(open_files(), files);
  EXPECT_EQ(spilled_mappings(folder.path()), 0);
}

TEST(Buffers, RunsShareASpillFolder) {
  const testing::TempDir folder;
  std::atomic<int> made{0};
  const auto spill = [&] {
    try {
      for (int i = 0; i < 500; ++i, ++made) static_cast<void>(spilled_buffer(1, folder / "spill"));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(spill);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1500);
}

TEST(Buffers, WhatIsWrittenPiecewiseIsNotResident) {
  const testing::TempDir folder;
  const auto buffer = spilled_buffer(16 << 20, folder.path());
  const std::vector<std::byte> piece(1 << 20, std::byte{0x5A});
  const std::int64_t before = resident_bytes();
  for (int i = 0; i < 16; ++i) buffer->write(static_cast<std::int64_t>(i) << 20, piece);
  EXPECT_LT(resident_bytes() - before, 4 << 20);
  EXPECT_EQ(std::ranges::count(buffer->bytes(), std::byte{0x5A}), 16 << 20);
  buffer->page_out();
  EXPECT_LT(resident_bytes() - before, 4 << 20);
}

TEST(Buffers, PagesOfSpilledBuffersComeBack) {
  const testing::TempDir folder;
  const auto buffer = spilled_buffer(100'000, folder / "spill");
  fill_and_check(*buffer);
  buffer->page_out();
  EXPECT_EQ(std::ranges::count(buffer->bytes(), std::byte{0x5A}), 100'000);
}

TEST(Buffers, EmptyBuffers) { EXPECT_TRUE(memory_buffer(0)->bytes().empty()); }

TEST(Buffers, ReportTheFolderThatCannotBeUsed) {
  const testing::TempDir folder;
  testing::write_file(folder / "file", "");
  try {
    static_cast<void>(spilled_buffer(10, folder / "file"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    EXPECT_EQ(std::string(error.what()), "cannot create a spill file in '" + (folder / "file") + "': Not a directory");
  }
}

TEST(Buffers, ReportAFullDisk) {
  const testing::TempDir folder;
  const std::ptrdiff_t files = open_files();
  try {
    static_cast<void>(spilled_buffer(std::int64_t{1} << 60, folder.path()));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    EXPECT_EQ(std::string(error.what()).rfind("cannot reserve ", 0), 0) << error.what();
  }
  EXPECT_EQ(open_files(), files);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Makes the system call fallocate fail as on a file system without it; for this process and for good.
bool forbid_fallocate() {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Written pages are in memory, those of a hole are not.
bool all_resident(const Buffer& buffer) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((buffer.bytes().size() + page - 1) / page);
  if (::mincore(buffer.bytes().data(), buffer.bytes().size(), pages.data()) != 0) return false;
  return std::ranges::all_of(pages, [](unsigned char p) { return (p & 1) != 0; });
}

// A hole would be filled when the mapping is written to, and a full disk be a signal by then.
TEST(Buffers, ReserveWithoutFallocateToo) {
  constexpr int kSkip = 77;
  const testing::TempDir folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_fallocate()) ::_exit(kSkip);
    ::_exit(all_resident(*spilled_buffer(1 << 20, folder.path())) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkip) GTEST_SKIP() << "system calls cannot be filtered here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace brainsurgery
