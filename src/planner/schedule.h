// In which order the work of a file is done: what is made as a whole and when, what is written when, and how long whole
// tensors live. It follows from the plan and the limits alone; whoever performs it decides nothing.
//
//   Scheduler scheduler(materializations, limits);
//   for (const Stage& stage : scheduler.schedule(plan)) perform(stage);
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "brainsurgery/byte_counts.h"
#include "planner/physical_plan.h"

namespace brainsurgery {

struct ScheduleLimits {
  // For whole tensors, the operands and the work of making them; what cannot be had with less is done one by one.
  std::int64_t budget_bytes = std::int64_t{1} << 30;
  // Files are mapped for reading at random; what was mapped may be resident until its stage ends.
  std::int64_t mapped_bytes = 128 << 20;
  int workers = 1;
};

// Which whole tensors are kept in memory: in the order in which they are made, those that the budget still has room
// for. The others go into files.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t bytes) : budget_bytes_(bytes) {}
  // False: into a file.
  [[nodiscard]] bool take(std::int64_t bytes) {
    if (bytes > budget_bytes_ - used_bytes_) return false;
    used_bytes_ += bytes;
    return true;
  }
  void give_back(std::int64_t bytes) { used_bytes_ -= bytes; }

 private:
  std::int64_t budget_bytes_;
  std::int64_t used_bytes_ = 0;
};

// Work that is done at the same time: no part of a stage needs another.
struct Stage {
  std::vector<int> make;           // buffers; those that take one worker long come first
  std::vector<std::size_t> write;  // segments of the plan
  std::vector<int> drop;           // buffers that nothing needs after this stage
  std::vector<int> spill;          // of `make`, those that go into files

  // While it is done:
  std::int64_t whole_bytes = 0;   // of the buffers that exist,
  std::int64_t file_bytes = 0;    // and of those among them that are in files
  std::int64_t mapped_bytes = 0;  // of files that may be resident, buffers among them
  std::int64_t work_bytes = 0;    // see Materialization, of those that are made at one time
};

class Scheduler {
 public:
  // `materializations` must outlive it and be complete.
  Scheduler(const std::vector<Materialization>& materializations, ScheduleLimits limits);

  // The stages that write all segments of a plan. The plans of one output, in file order: what was made for one is
  // there for the next.
  [[nodiscard]] std::vector<Stage> schedule(const PhysicalPlan& plan);
  // The stages that make `needs` and drop nothing of them.
  [[nodiscard]] std::vector<Stage> schedule(const std::vector<int>& needs);
  // By buffer: whether it was spilled, as far as was scheduled.
  [[nodiscard]] const std::vector<bool>& in_files() const { return in_file_; }

 private:
  class Batch;

  [[nodiscard]] std::vector<int> missing(const std::vector<int>& needs, const std::vector<bool>& counted) const;
  void make(std::vector<int> buffers, std::vector<Stage>& stages);
  [[nodiscard]] Stage next_stage(std::vector<int>& buffers) const;
  void finish(Stage& stage, const std::vector<int>& used);
  [[nodiscard]] bool is_ready(int buffer) const;
  void keep(int buffer, Stage& stage);
  [[nodiscard]] std::int64_t mapped_buffer_bytes(const Materialization& made) const;
  [[nodiscard]] int most_at_once() const;

  const std::vector<Materialization>& all_;
  ScheduleLimits limits_;
  MemoryBudget memory_;
  std::vector<bool> in_file_;
  std::vector<bool> made_;
  std::vector<int> uses_;  // so far
  std::int64_t whole_bytes_ = 0;
  std::int64_t file_bytes_ = 0;
};

// Whether one worker makes it on its own, while programs are made by all in tiles.
[[nodiscard]] bool takes_one_worker(const Materialization& made);
// Bytes of files that it reads, and of those which are mapped for it.
[[nodiscard]] std::int64_t read_bytes(const Materialization& made);
[[nodiscard]] std::int64_t mapped_bytes(const Materialization& made);

// About how long dense operations take, as bytes that are copied in the same time; 0 for what is made otherwise.
[[nodiscard]] std::int64_t effort_bytes(const Materialization& made);
[[nodiscard]] std::int64_t effort_bytes(const std::vector<Materialization>& all);

// What performing the stages of a plan moves, and the most bytes of whole tensors and of the work of making them that
// exist at one moment.
[[nodiscard]] ByteCounts byte_counts(const PhysicalPlan& plan, const std::vector<Stage>& stages);
[[nodiscard]] std::int64_t peak_whole_bytes(const std::vector<Stage>& stages);

}  // namespace brainsurgery
