// Performs plans: moves and computes bytes, tile by tile, on every thread of the pool.
//
//   Executor executor(pool, options, nullptr);
//   executor.write(physical_plan, *staged_file);
//   bool same = *executor.holds(checks::EqualValues{a, b, {}, ""});
//   double mean = *executor.statistics(a).mean;
//
// What comes out does not depend on threads, tile size, budget or fusion. Memory: a few tiles a thread, and the whole
// tensors that dense operations need, within the budget or spilled. Called by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "brainsurgery/check.h"
#include "brainsurgery/data_source.h"
#include "brainsurgery/env.h"
#include "exec/buffer_pool.h"
#include "exec/checksums.h"
#include "exec/dense_module.h"
#include "exec/shared_extents.h"
#include "exec/tile_runner.h"
#include "planner/physical_plan.h"

namespace brainsurgery {

struct ExecOptions {
  std::int64_t tile_bytes = 512 << 10;                // of the widest value in a tile; at least one element
  std::int64_t budget_bytes = std::int64_t{1} << 30;  // for tensors that have to exist as a whole
  std::string spill_directory = ".brainsurgery";      // what exceeds the budget goes into unlinked files here
  bool fuse = true;                                   // see CompileOptions
  bool early_writeback = false;                       // what is written goes to the disk at once, for a sync to come
};

// Maps the files that are read at random, and knows where computed tensors are.
class Places final : public PlaceReader {
 public:
  void read(const Place& place, std::int64_t offset, std::span<std::byte> into) const override;
  [[nodiscard]] std::span<const std::byte> memory(const Place& place) const override;

  // Before a program runs: maps what it reads at random. Both throw Error(run) where a file does not hold its tensor.
  void prepare(const Program& program);
  // `bytes`: what will be read, from the place's first element on.
  void map(const Place& place, std::int64_t bytes);
  // After it: gives the mapped pages back, and throws Error(run) if a file turned out to be damaged.
  void finish();

  // What was mapped since the last finish() may be resident.
  [[nodiscard]] std::int64_t mapped_bytes() const { return mapped_bytes_; }

  std::vector<std::unique_ptr<Buffer>> buffers;  // by buffer number; null: not made

 private:
  std::map<const ReadableFile*, std::shared_ptr<const FileMap>> maps_;
  std::int64_t mapped_bytes_ = 0;
};

class Executor final : public DataOracle, public DataSource {
 public:
  // Told the number of bytes done since the last call; on the calling thread.
  using Progress = std::function<void(std::int64_t bytes)>;

  Executor(ThreadPool& pool, ExecOptions options, Progress progress);

  // The tests of the programs that are written are done from now on. write() throws TestFailed when one of them decides
  // against an assertion.
  void watch(Verdicts& verdicts) { verdicts_ = &verdicts; }

  // Fills `file`, whose length becomes plan.size(). Gives the number of bytes that share the disk blocks of an input.
  std::int64_t write(const PhysicalPlan& plan, WritableFile& file);
  // All bytes of a tensor, packed.
  [[nodiscard]] std::vector<std::byte> evaluate(const Expr& expr);

  [[nodiscard]] std::optional<bool> holds(const checks::EqualValues& check) override;
  [[nodiscard]] std::optional<bool> holds(const checks::SmallValues& check) override;

  [[nodiscard]] TensorStatistics statistics(const Expr& expr) override;
  [[nodiscard]] std::vector<std::byte> values(const Expr& expr) override { return evaluate(expr); }
  [[nodiscard]] Difference difference(const Expr& a, const Expr& b, std::optional<double> eps) override;

 private:
  // Independent pieces of work, numbered; each may run on any worker.
  struct Job {
    std::int64_t tiles;
    // Gives the bytes of output, for the progress.
    std::function<std::int64_t(TileRunner&, Scratch&, std::int64_t tile)> run;
  };
  static constexpr std::int64_t kNoOutput = 0;  // bytes of the target that a piece of work has written
  struct Run;                                   // the buffers of one plan, check or reduction
  // Looks at elements [begin, begin + count) of all operands, packed; false: no more need be looked at.
  using Look = std::function<bool(std::span<const std::byte* const> values, std::int64_t begin, std::int64_t count)>;

  void run_jobs(const std::vector<Job>& jobs, const Places& places);
  // A file that is being written, and the segment of its plan that is at hand.
  struct Target {
    WritableFile& file;
    const PhysicalPlan& plan;
    Checksums& sums;
    std::size_t segment;
  };
  // What tile number `tile` of the target's segment consists of.
  void put(const Target& target, std::int64_t tile, std::int64_t offset, std::span<const std::byte> bytes) const;
  // Of a part of the segment.
  [[nodiscard]] Job copy_job(const Target& target, const FilePlace& from, const ByteRange& range) const;
  [[nodiscard]] Job compute_job(const Target& target, const Program& program) const;
  void write_checksums(const PhysicalPlan& plan, const Checksums& sums, WritableFile& file) const;
  void require(Run& run, const std::vector<int>& needs);
  void release(Run& run, const std::vector<int>& needs);
  void make(Run& run, int buffer);
  void draw(const nodes::Random& random, const TensorDesc& desc, std::span<std::byte> into) const;
  [[nodiscard]] std::int64_t tile_elements(const Program& program) const;
  // Shows `look` all elements of the operands, which have one shape, a block at a time, on every worker; the last block
  // may be shorter. Blocks are of tile size unless `block_elements` says how long they are.
  void for_each_block(const std::vector<Expr>& operands, std::optional<std::int64_t> block_elements, const Look& look);

  ThreadPool& pool_;
  ExecOptions options_;
  Progress progress_;
  DenseModule dense_;
  Verdicts* verdicts_ = nullptr;
};

}  // namespace brainsurgery
