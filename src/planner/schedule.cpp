#include "planner/schedule.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "planner/program_costs.h"

namespace brainsurgery {
namespace {

// Tasks of one worker each that are open at the same time: enough that unequal ones fill up each other's waiting, and
// no more, since the results of all exist. Linear algebra libraries have a limit too (OpenBLAS: two buffers a thread
// that it was built for).
constexpr int kTasksPerWorker = 2;
constexpr int kMostTasks = 64;

std::int64_t file_bytes(const Place& place, const TensorDesc& desc) {
  return std::holds_alternative<FilePlace>(place) ? byte_count(desc.dtype, desc.shape) : 0;
}

// The operands of a dense operation, which are mapped.
std::int64_t operand_bytes(const Materialization& made) {
  if (const auto* matmul = std::get_if<Materialization::Matmul>(&made.how))
    return file_bytes(matmul->a, matmul->a_desc) + file_bytes(matmul->b, matmul->b_desc);
  if (const auto* factors = std::get_if<Materialization::SingularFactors>(&made.how))
    return file_bytes(factors->matrix, factors->matrix_desc);
  return 0;
}

bool is_dense(const Materialization& made) {
  return std::holds_alternative<Materialization::Matmul>(made.how) ||
         std::holds_alternative<Materialization::SingularFactors>(made.how);
}

const CompiledTensor* computed_in(const Segment& segment) { return std::get_if<CompiledTensor>(&segment.content); }

// In comparison with others: multiplications, in the case of a decomposition about.
double effort(const Materialization& made) {
  if (const auto* matmul = std::get_if<Materialization::Matmul>(&made.how)) {
    const double inner = static_cast<double>(matmul->a_desc.shape.back());
    return static_cast<double>(element_count(made.desc.shape)) * inner;
  }
  if (const auto* factors = std::get_if<Materialization::SingularFactors>(&made.how)) {
    const Shape& shape = factors->matrix_desc.shape;
    const double rounds = factors->exact ? 20.0 * static_cast<double>(std::min(shape[0], shape[1])) : 1000.0;
    return static_cast<double>(element_count(shape)) * rounds;
  }
  if (const auto* reduction = std::get_if<Materialization::Reduction>(&made.how))
    return static_cast<double>(reduction->shape.elements());
  return static_cast<double>(made.bytes);
}

// The programs that a materialization consists of.
std::span<const ProgramPtr> programs_of(const Materialization& made) {
  if (const auto* program = std::get_if<ProgramPtr>(&made.how)) return {program, 1};
  const auto* reduction = std::get_if<Materialization::Reduction>(&made.how);
  if (reduction == nullptr) return {};
  return {&reduction->program, 1};
}

}  // namespace

bool takes_one_worker(const Materialization& made) { return programs_of(made).empty(); }

std::int64_t read_bytes(const Materialization& made) {
  std::int64_t bytes = operand_bytes(made);
  const auto* reduction = std::get_if<Materialization::Reduction>(&made.how);
  const std::int64_t passes = reduction == nullptr ? 1 : reduction->passes;
  for (const ProgramPtr& program : programs_of(made)) bytes += passes * read_bytes(*program);
  return bytes;
}

std::int64_t mapped_bytes(const Materialization& made) {
  std::int64_t bytes = operand_bytes(made);
  for (const ProgramPtr& program : programs_of(made)) bytes += mapped_bytes(*program);
  return bytes;
}

// Segments that are written in one stage, and the buffers that have to be made before.
class Scheduler::Batch {
 public:
  explicit Batch(const Scheduler& scheduler) : scheduler_(scheduler), counted_(scheduler.made_) {}

  // Segment number `index`; false: it is for the next batch.
  [[nodiscard]] bool take(std::size_t index, const CompiledTensor* tensor) {
    const std::int64_t mapped = tensor == nullptr ? 0 : brainsurgery::mapped_bytes(*tensor->program);
    if (mapped_ > scheduler_.limits_.mapped_bytes) return false;
    if (tensor != nullptr && !tensor->needs.empty()) {
      const std::vector<int> wanted = scheduler_.missing(tensor->needs, counted_);
      if (!segments.empty() && !may_make(wanted)) return false;
      for (const int buffer : wanted) add(buffer);
      std::ranges::copy(tensor->needs, std::back_inserter(used));
    }
    mapped_ += mapped;
    segments.push_back(index);
    return true;
  }
  [[nodiscard]] std::int64_t mapped_bytes() const { return mapped_; }

  std::vector<std::size_t> segments;
  std::vector<int> buffers;
  std::vector<int> used;  // by the segments

 private:
  [[nodiscard]] bool may_make(const std::vector<int>& wanted) const {
    if (buffers.empty()) return true;  // what was taken so far waits for nothing
    int tasks = tasks_;
    std::int64_t bytes = scheduler_.whole_bytes_ + bytes_;
    for (const int buffer : wanted) {
      const Materialization& made = scheduler_.all_[buffer];
      tasks += takes_one_worker(made) ? 1 : 0;
      bytes += made.bytes + made.work_bytes + brainsurgery::mapped_bytes(made);
    }
    return tasks <= scheduler_.most_at_once() && bytes <= scheduler_.limits_.budget_bytes;
  }
  void add(int buffer) {
    const Materialization& made = scheduler_.all_[buffer];
    counted_[buffer] = true;
    buffers.push_back(buffer);
    tasks_ += takes_one_worker(made) ? 1 : 0;
    bytes_ += made.bytes + made.work_bytes + brainsurgery::mapped_bytes(made);
  }

  const Scheduler& scheduler_;
  std::vector<bool> counted_;  // made, or of this batch
  std::int64_t mapped_ = 0;    // by the segments
  std::int64_t bytes_ = 0;
  int tasks_ = 0;
};

Scheduler::Scheduler(const std::vector<Materialization>& materializations, ScheduleLimits limits)
    : all_(materializations),
      limits_(limits),
      memory_(limits.budget_bytes),
      in_file_(materializations.size(), false),
      made_(materializations.size(), false),
      uses_(materializations.size(), 0) {}

int Scheduler::most_at_once() const { return std::min(limits_.workers * kTasksPerWorker, kMostTasks); }

std::vector<Stage> Scheduler::schedule(const PhysicalPlan& plan) {
  std::vector<Stage> stages;
  const std::vector<Segment>& segments = plan.segments();
  for (std::size_t next = 0; next < segments.size();) {
    Batch batch(*this);
    for (; next < segments.size(); ++next) {
      const bool is_copy = std::holds_alternative<Segment::Copy>(segments[next].content);
      const CompiledTensor* tensor = computed_in(segments[next]);
      if ((is_copy || tensor != nullptr) && !batch.take(next, tensor)) break;
    }
    if (batch.segments.empty()) break;
    make(std::move(batch.buffers), stages);
    Stage writing;
    writing.write = std::move(batch.segments);
    writing.mapped_bytes = batch.mapped_bytes();
    finish(writing, batch.used);
    stages.push_back(std::move(writing));
  }
  return stages;
}

std::vector<Stage> Scheduler::schedule(const std::vector<int>& needs) {
  std::vector<Stage> stages;
  make(missing(needs, made_), stages);
  return stages;
}

// What has to be made before `needs` are there, themselves included.
std::vector<int> Scheduler::missing(const std::vector<int>& needs, const std::vector<bool>& counted) const {
  std::vector<int> result;
  std::vector<bool> seen = counted;
  std::vector<int> open = needs;
  while (!open.empty()) {
    const int buffer = open.back();
    open.pop_back();
    if (seen[buffer]) continue;
    seen[buffer] = true;
    result.push_back(buffer);
    std::ranges::copy(all_[buffer].needs, std::back_inserter(open));
  }
  return result;
}

void Scheduler::make(std::vector<int> buffers, std::vector<Stage>& stages) {
  std::ranges::sort(buffers);
  while (!buffers.empty()) {
    Stage stage = next_stage(buffers);
    std::vector<int> used;
    for (const int buffer : stage.make) {
      keep(buffer, stage);
      std::ranges::copy(all_[buffer].needs, std::back_inserter(used));
    }
    finish(stage, used);
    stages.push_back(std::move(stage));
  }
}

void Scheduler::keep(int buffer, Stage& stage) {
  const Materialization& made = all_[buffer];
  made_[buffer] = true;
  whole_bytes_ += made.bytes;
  if (!memory_.take(made.bytes)) {
    in_file_[buffer] = true;
    file_bytes_ += made.bytes;
    stage.spill.push_back(buffer);
    if (is_dense(made)) stage.mapped_bytes += made.bytes;
  }
  stage.mapped_bytes += mapped_buffer_bytes(made);
}

// Of operands of a dense operation that are in files.
std::int64_t Scheduler::mapped_buffer_bytes(const Materialization& made) const {
  std::int64_t bytes = 0;
  if (!is_dense(made)) return bytes;
  for (const int needed : made.needs) bytes += in_file_[needed] ? all_[needed].bytes : 0;
  return bytes;
}

// Takes out of `buffers`, sorted, the first that are ready: as many as can be made at one time. Those with low numbers
// first, so that what was begun is finished before more is.
Stage Scheduler::next_stage(std::vector<int>& buffers) const {
  Stage stage;
  std::vector<int> rest;
  std::vector<std::int64_t> work;
  int tasks = 0;
  std::int64_t bytes = whole_bytes_;
  bool full = false;
  for (const int buffer : buffers) {
    const Materialization& made = all_[buffer];
    if (full || !is_ready(buffer)) {
      rest.push_back(buffer);
      continue;
    }
    tasks += takes_one_worker(made) ? 1 : 0;
    bytes += made.bytes + made.work_bytes + brainsurgery::mapped_bytes(made);
    full = !stage.make.empty() && (tasks > most_at_once() || bytes > limits_.budget_bytes);
    if (full) {
      rest.push_back(buffer);
      continue;
    }
    stage.make.push_back(buffer);
    stage.mapped_bytes += brainsurgery::mapped_bytes(made);
    work.push_back(made.work_bytes);
  }
  buffers = std::move(rest);
  std::ranges::sort(work, std::greater());
  for (std::size_t i = 0; i < work.size() && std::cmp_less(i, limits_.workers); ++i) stage.work_bytes += work[i];
  std::ranges::stable_sort(stage.make, std::greater(), [this](int buffer) {
    return std::pair(takes_one_worker(all_[buffer]), effort(all_[buffer]));
  });
  return stage;
}

// Counts what the stage used, and drops what was used for the last time.
void Scheduler::finish(Stage& stage, const std::vector<int>& used) {
  stage.whole_bytes = whole_bytes_;
  stage.file_bytes = file_bytes_;
  for (const int buffer : used) {
    if (++uses_[buffer] != all_[buffer].uses) continue;
    stage.drop.push_back(buffer);
    whole_bytes_ -= all_[buffer].bytes;
    if (in_file_[buffer]) {
      file_bytes_ -= all_[buffer].bytes;
    } else {
      memory_.give_back(all_[buffer].bytes);
    }
  }
}

bool Scheduler::is_ready(int buffer) const {
  return std::ranges::all_of(all_[buffer].needs, [this](int needed) { return made_[needed]; });
}

std::int64_t effort_bytes(const Materialization& made) {
  // Measured on two cores that copy 2 GB a second; only the proportions matter.
  constexpr double kPerProduct = 0.08, kPerDecomposition = 8;
  constexpr double kMost = 0x1p50;
  const auto elements = [](const TensorDesc& desc) { return static_cast<double>(element_count(desc.shape)); };
  double bytes = 0;
  if (const auto* product = std::get_if<Materialization::Matmul>(&made.how)) {
    const Shape& shape = product->a_desc.shape;
    bytes = kPerProduct * elements(made.desc) * (shape.empty() ? 1 : static_cast<double>(shape.back()));
  }
  if (const auto* factors = std::get_if<Materialization::SingularFactors>(&made.how)) {
    const Shape& shape = factors->matrix_desc.shape;
    const auto side = static_cast<double>(std::min(shape[0], shape[1]));
    const auto values = static_cast<double>(made.desc.shape[1]);
    bytes = kPerDecomposition * elements(factors->matrix_desc) * (factors->exact ? side : std::min(side, 2 * values));
  }
  return static_cast<std::int64_t>(std::min(bytes, kMost));
}

std::int64_t effort_bytes(const std::vector<Materialization>& all) {
  std::int64_t sum = 0;
  for (const Materialization& each : all) sum += effort_bytes(each);
  return sum;
}

ByteCounts byte_counts(const PhysicalPlan& plan, const std::vector<Stage>& stages) {
  ByteCounts counts{0, plan.size(), plan.bytes_copied(), plan.bytes_computed()};
  for (const Stage& stage : stages) {
    for (const int buffer : stage.make) counts.read += read_bytes(plan.materializations()[buffer]);
    for (const std::size_t i : stage.write) {
      const Segment& segment = plan.segments()[i];
      const CompiledTensor* tensor = computed_in(segment);
      counts.read += tensor == nullptr ? segment.size : read_bytes(*tensor->program);
    }
  }
  return counts;
}

std::int64_t peak_whole_bytes(const std::vector<Stage>& stages) {
  std::int64_t peak = 0;
  for (const Stage& stage : stages) peak = std::max(peak, stage.whole_bytes + stage.work_bytes);
  return peak;
}

}  // namespace brainsurgery
