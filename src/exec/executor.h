// Performs plans: moves and computes bytes, tile by tile, on every thread of the pool.
//
//   Executor executor(pool, options, nullptr);
//   executor.write(physical_plan, *staged_file);
//   std::vector<Number> numbers = executor.run(value_plan);
//
// What comes out does not depend on threads, tile size, budget or fusion. Memory: a few tiles a thread, and the whole
// tensors that dense operations need, within the budget or spilled (memory_model.h). Called by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "brainsurgery/byte_counts.h"
#include "brainsurgery/check.h"
#include "brainsurgery/data_source.h"
#include "brainsurgery/env.h"
#include "exec/checksums.h"
#include "exec/dense_module.h"
#include "exec/places.h"
#include "exec/running_reductions.h"
#include "exec/shared_extents.h"
#include "exec/tile_runner.h"
#include "planner/value_plan.h"

namespace brainsurgery {

struct ExecOptions {
  std::int64_t tile_bytes = 512 << 10;                // of the widest value in a tile; at least one element
  std::int64_t budget_bytes = std::int64_t{1} << 30;  // for tensors that have to exist as a whole
  std::string spill_directory = ".brainsurgery";      // what exceeds the budget goes into unlinked files here
  bool fuse = true;                                   // see CompileOptions
  bool early_writeback = false;                       // what is written goes to the disk at once, for a sync to come
};

// Of a program's result, in one tile.
[[nodiscard]] std::int64_t tile_elements(const Program& program, const ExecOptions& options, int threads);
[[nodiscard]] ScheduleLimits schedule_limits(const ExecOptions& options, int threads);

// The element of a literal that has one.
[[nodiscard]] Number number_of(const Expr& literal);

class Executor final : public DataOracle, public DataSource {
 public:
  // Told the number of bytes done since the last call: written, or read for a check or report, and the effort of dense
  // operations (effort_bytes); on the calling thread.
  using Progress = std::function<void(std::int64_t bytes)>;

  Executor(ThreadPool& pool, ExecOptions options, Progress progress);

  // Shows the reductions, from now on, what the taps of the programs that are written want. Where they are stopped,
  // write() ends before everything is written.
  void watch(RunningReductions& reductions) { reductions_ = &reductions; }

  // One of the files of an output, and the stages that its Scheduler gave.
  struct FileTask {
    const PhysicalPlan& plan;
    const std::vector<Stage>& stages;
  };
  struct Run;  // the buffers of outputs, a check or a reduction
  // Fills files, in order, whose lengths become plan.size(); their plans share one compiler. `open`: file number i,
  // when it is its turn. `run`: of files that were written before and share the compiler, too, or nullptr. False: what is
  // written is of no use any more.
  bool write(const std::vector<FileTask>& files, const std::function<WritableFile&(std::size_t i)>& open,
             std::shared_ptr<Run>& run);
  bool write(const PhysicalPlan& plan, WritableFile& file);
  // What was moved so far.
  [[nodiscard]] const ByteCounts& moved() const { return moved_; }
  // Of floats, so far, but for those that a condition guards.
  [[nodiscard]] const DivisionCounts& divisions() const { return divisions_; }

  // All bytes of a tensor, packed.
  [[nodiscard]] std::vector<std::byte> evaluate(const Expr& expr);

  // The numbers of a plan, in its order.
  [[nodiscard]] std::vector<Number> run(const ValuePlan& plan);

  [[nodiscard]] std::optional<Verdict> verdict(const checks::Measured& check) override;
  [[nodiscard]] std::optional<Verdict> verdict(const checks::DistinctValues& check) override;

  [[nodiscard]] std::vector<Number> numbers(const std::vector<Expr>& numbers) override;
  [[nodiscard]] std::vector<std::byte> values(const Expr& expr) override { return evaluate(expr, true); }

 private:
  // Independent pieces of work, numbered; each may run on any worker.
  struct Job {
    std::int64_t tiles;
    std::function<ByteCounts(TileRunner&, Scratch&, std::int64_t tile)> run;
    std::int64_t effort = 0;  // of a tile of dense operations, which counts as progress
    bool looks = false;       // so do the bytes that it reads: it writes none
    int passes = 1;           // how often all tiles are run, one pass after another
    MakerPtr maker = nullptr;  // of what it computes, where programs do not know
  };
  // Looks at elements [begin, begin + count) of a tensor, packed.
  using Look = std::function<void(const std::byte* values, std::int64_t begin, std::int64_t count)>;

  // Both: false where the reductions that are watched were stopped.
  bool run_jobs(const std::vector<Job>& jobs, const Places& places, bool is_first_pass = true);
  bool run_passes(std::vector<Job> jobs, const Places& places);
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
  bool write(Run& run, const FileTask& task, WritableFile& file);
  void write_given(const PhysicalPlan& plan, Checksums& sums, WritableFile& file);
  void write_checksums(const PhysicalPlan& plan, const Checksums& sums, WritableFile& file);
  [[nodiscard]] std::vector<ByteRange> share_or_reserve(const PhysicalPlan& plan, WritableFile& file);
  void tell_written(std::int64_t bytes);
  void require(Run& run, const std::vector<int>& needs);
  bool perform(Run& run, const Stage& stage, std::vector<Job> jobs);
  [[nodiscard]] Job make_job(Run& run, int buffer);
  [[nodiscard]] Job reduction_job(Run& run, const Materialization::Reduction& reduction, const Buffer& into);
  [[nodiscard]] Job dense_job(Run& run, const Materialization& wanted, std::span<std::byte> into);
  [[nodiscard]] std::vector<std::byte> evaluate(const Expr& expr, bool looks);
  void draw(const nodes::Random& random, const TensorDesc& desc, const Buffer& into, Scratch& scratch) const;
  // Shows `look` all elements, a tile at a time, on every worker.
  void for_each_block(const Expr& tensor, const Look& look);

  ThreadPool& pool_;
  ExecOptions options_;
  Progress progress_;
  DenseModule dense_;
  RunningReductions* reductions_ = nullptr;
  ByteCounts moved_;
  DivisionCounts divisions_;
};

}  // namespace brainsurgery
