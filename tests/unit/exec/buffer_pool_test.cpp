#include "exec/buffer_pool.h"

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
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
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

void fill_and_check(const Buffer& buffer) {
  std::ranges::fill(buffer.bytes(), std::byte{0x5A});
  EXPECT_EQ(std::ranges::count(buffer.bytes(), std::byte{0x5A}), std::ssize(buffer.bytes()));
}

TEST(BufferPool, StaysInMemoryWithinTheBudget) {
  const testing::TempDir folder;
  BufferPool pool(1000, folder / "spill");
  const auto a = pool.take(600), b = pool.take(400);
  fill_and_check(*a);
  fill_and_check(*b);
  EXPECT_EQ(spilled_mappings(folder.path()), 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "spill")) << "the folder is made when it is needed";
}

TEST(BufferPool, SpillsBeyondTheBudgetAndLeavesNothing) {
  const testing::TempDir folder;
  BufferPool pool(1000, folder / "spill");
  const std::ptrdiff_t files = open_files();
  auto a = pool.take(600);
  auto b = pool.take(500);
  fill_and_check(*b);
  EXPECT_EQ(spilled_mappings(folder.path()), 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "spill")) << "files without a name need no folder";
  EXPECT_EQ(open_files(), files);
  pool.give_back(std::move(b));
  EXPECT_EQ(spilled_mappings(folder.path()), 0);
}

TEST(BufferPool, PagesOfSpilledBuffersComeBack) {
  const testing::TempDir folder;
  BufferPool pool(0, folder / "spill");
  const auto buffer = pool.take(100'000);
  fill_and_check(*buffer);
  buffer->page_out();
  EXPECT_EQ(std::ranges::count(buffer->bytes(), std::byte{0x5A}), 100'000);
}

// What lies on the disk takes no part of the budget.
TEST(BufferPool, SpilledBuffersLeaveTheBudgetToOthers) {
  const testing::TempDir folder;
  BufferPool pool(1000, folder.path());
  auto big = pool.take(5000);
  const auto small = pool.take(900);
  EXPECT_EQ(spilled_mappings(folder.path()), 1) << "the small one fits";
  pool.give_back(std::move(big));
  const auto more = pool.take(101);
  EXPECT_EQ(spilled_mappings(folder.path()), 1) << "900 + 101 bytes do not";
}

TEST(BufferPool, BudgetComesBack) {
  const testing::TempDir folder;
  BufferPool pool(1000, folder.path());
  for (int i = 0; i < 5; ++i) pool.give_back(pool.take(1000));
  const auto last = pool.take(1000);
  EXPECT_EQ(spilled_mappings(folder.path()), 0);
}

TEST(BufferPool, EmptyBuffers) {
  BufferPool pool(0, "/nonexistent");
  EXPECT_TRUE(pool.take(0)->bytes().empty());
}

TEST(BufferPool, ReportsTheFolderThatCannotBeUsed) {
  const testing::TempDir folder;
  testing::write_file(folder / "file", "");
  BufferPool pool(0, folder / "file");
  try {
    static_cast<void>(pool.take(10));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    EXPECT_EQ(std::string(error.what()), "cannot create a spill file in '" + (folder / "file") + "': Not a directory");
  }
}

TEST(BufferPool, ReportsAFullDisk) {
  const testing::TempDir folder;
  BufferPool pool(0, folder.path());
  const std::ptrdiff_t files = open_files();
  try {
    static_cast<void>(pool.take(std::int64_t{1} << 60));
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
TEST(BufferPool, ReservesWithoutFallocateToo) {
  constexpr int kSkip = 77;
  const testing::TempDir folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_fallocate()) ::_exit(kSkip);
    BufferPool pool(0, folder.path());
    ::_exit(all_resident(*pool.take(1 << 20)) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkip) GTEST_SKIP() << "system calls cannot be filtered here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace brainsurgery
