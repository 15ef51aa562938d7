#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/interrupt.h"
#include "base/resources.h"
#include "base/thread_pool.h"
#include "brainsurgery/error.h"
#include "support/signals.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

TEST(ThreadPool, RunsOnEveryWorkerEveryTime) {
  for (const int threads : {1, 2, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    std::vector<int> runs(static_cast<std::size_t>(threads));
    for (int round = 0; round < 200; ++round) {
      pool.run([&](int worker) { ++runs[static_cast<std::size_t>(worker)]; });
    }
    EXPECT_EQ(runs, std::vector<int>(static_cast<std::size_t>(threads), 200));
  }
}

TEST(ThreadPool, CallerIsWorkerZero) {
  ThreadPool pool(3);
  std::thread::id zero;
  pool.run([&](int worker) {
    if (worker == 0) zero = std::this_thread::get_id();
  });
  EXPECT_EQ(zero, std::this_thread::get_id());
}

TEST(ThreadPool, LowestWorkersErrorComesOut) {
  ThreadPool pool(4);
  std::atomic<int> ran{0};
  try {
    pool.run([&](int worker) {
      ++ran;
      if (worker > 0) throw Error(ErrorCode::run, "worker " + std::to_string(worker));
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "worker 1");
  }
  EXPECT_EQ(ran, 4);
  pool.run([&](int) { ++ran; });  // still usable
  EXPECT_EQ(ran, 8);
}

SystemFiles fake_system(const testing::TempDir& dir, const std::string& cgroup_line) {
  std::filesystem::create_directories(dir / "proc/self");
  testing::write_file(dir / "proc/self/cgroup", cgroup_line);
  testing::write_file(dir / "proc/meminfo", "MemTotal: 9999 kB\nMemAvailable:    1000 kB\n");
  return {dir / "proc", dir / "cgroup"};
}

TEST(ThreadPool, EveryIndexOnce) {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    for (const std::size_t count : {0u, 1u, 3u, 1000u}) {
      std::vector<int> calls(count);
      for_each_index(pool, count, [&](std::size_t i) { ++calls[i]; });
      EXPECT_EQ(calls, std::vector<int>(count, 1));
    }
  }
}

TEST(ThreadPool, TheFailureOfTheLowestIndexComesOut) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> calls = 0;
    const auto work = [&](std::size_t i) {
      ++calls;
      if (i >= 50) throw Error(ErrorCode::run, std::to_string(i));
    };
    try {
      for_each_index(pool, 100'000, work);
      FAIL() << "it failed and nobody was told";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "50");
    }
    EXPECT_LT(calls, 100) << "after a failure nothing more is begun";
  }
}

TEST(Resources, CgroupV2) {
  const testing::TempDir dir;
  const SystemFiles files = fake_system(dir, "0::/a/b\n");
  EXPECT_EQ(available_memory_bytes(files), 1000 * 1024);
  std::filesystem::create_directories(dir / "cgroup/a/b");
  testing::write_file(dir / "cgroup/a/b/cpu.max", "max 100000\n");
  testing::write_file(dir / "cgroup/a/cpu.max", "50000 100000\n");
  testing::write_file(dir / "cgroup/a/memory.max", "100000\n");
  testing::write_file(dir / "cgroup/a/memory.current", "60000\n");
  testing::write_file(dir / "cgroup/a/memory.stat", "anon 1\ninactive_file 10000\n");
  testing::write_file(dir / "cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(default_thread_count(files), 1);
  EXPECT_EQ(available_memory_bytes(files), 50000);
}

TEST(Resources, CgroupV1) {
  const testing::TempDir dir;
  const SystemFiles files = fake_system(dir, "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n");
  std::filesystem::create_directories(dir / "cgroup/cpu/x");
  std::filesystem::create_directories(dir / "cgroup/memory");
  testing::write_file(dir / "cgroup/cpu/x/cpu.cfs_quota_us", "10000\n");
  testing::write_file(dir / "cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  testing::write_file(dir / "cgroup/memory/memory.limit_in_bytes", "5000\n");
  testing::write_file(dir / "cgroup/memory/memory.usage_in_bytes", "6000\n");
  EXPECT_EQ(default_thread_count(files), 1);
  EXPECT_EQ(available_memory_bytes(files), 0);
}

TEST(Resources, RealMachine) {
  EXPECT_GE(default_thread_count(), 1);
  EXPECT_GT(available_memory_bytes(), 0);
  EXPECT_GT(resident_bytes(), 100 << 10);
  EXPECT_GE(peak_resident_bytes(), resident_bytes() / 2);
}

TEST(Interrupt, FirstSignalSetsTheFlagSecondKills) {
  const testing::Signals signals;
  EXPECT_FALSE(interrupted());
  throw_if_interrupted();
  std::raise(SIGPIPE);  // ignored
  std::raise(SIGTERM);
  EXPECT_TRUE(interrupted());
  try {
    throw_if_interrupted();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    EXPECT_STREQ(error.what(), "interrupted by SIGTERM");
  }
  clear_interrupt();
  EXPECT_FALSE(interrupted());
  EXPECT_EXIT(
      {
        std::raise(SIGINT);
        std::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(Interrupt, BelongsToTheThreadsThatWorkForOneRun) {
  Cancellation one, other;
  ThreadPool pool(3);
  const auto count_cancelled = [&](Cancellation* cancellation) {
    const CancellationScope scope(cancellation);
    std::atomic<int> cancelled = 0;
    pool.run([&](int) { cancelled += interrupted() ? 1 : 0; });
    return cancelled.load();
  };
  one.cancel();
  EXPECT_EQ(count_cancelled(&one), 3);
  EXPECT_EQ(count_cancelled(&other), 0);
  EXPECT_EQ(count_cancelled(nullptr), 0);
  {
    const CancellationScope outer(&one);
    const CancellationScope same(nullptr);
    EXPECT_TRUE(interrupted());
    const CancellationScope inner(&other);
    EXPECT_FALSE(interrupted());
  }
  const CancellationScope scope(&one);
  EXPECT_THROW(throw_if_interrupted(), Error);
  EXPECT_FALSE(take_ctrl_c());
  one.reset();
  throw_if_interrupted();
}

}  // namespace
}  // namespace brainsurgery
