#include "exec/memory_model.h"

#include <algorithm>

#include "planner/program_costs.h"
#include "planner/reductions.h"

namespace brainsurgery {
namespace {

// Measured with the packages of Debian 12, as the growth of the peak (tests/cli/memory.py holds the whole against it).
constexpr std::int64_t kCodeBytes = 1 << 20;         // of the program, touched while it works
constexpr std::int64_t kReductionBytes = 5 << 18;    // of the code of reductions, and of what is made of their numbers
constexpr std::int64_t kThreadBytes = 128 << 10;     // stacks and what allocators keep
constexpr std::int64_t kModuleBytes = 144 << 20;     // libtorch and what it needs, loaded
constexpr std::int64_t kLibraryTaskBytes = 4 << 20;  // in which a linear algebra library packs its operands

class Growth {
 public:
  Growth(const std::vector<Materialization>& all, const std::vector<bool>& in_files, const ExecOptions& options,
         int threads)
      : all_(all), in_files_(in_files), options_(options), threads_(threads) {}

  // `segments`: of the file that the stage writes a part of.
  void add(const Stage& stage, const std::vector<Segment>& segments) {
    std::int64_t library = 0;
    for (const int buffer : stage.make) {
      const Materialization& made = all_[buffer];
      if (const auto* program = std::get_if<ProgramPtr>(&made.how)) add_tile(tile_bytes(**program));
      if (const auto* reduction = std::get_if<Materialization::Reduction>(&made.how)) {
        reduces_ = true;
        add_tile(piece_bytes(*reduction, in_files_));
      }
      if (made.needs_libtorch) library += kLibraryTaskBytes;
    }
    for (const std::size_t i : stage.write) {
      const Segment& segment = segments[i];
      const auto* tensor = std::get_if<CompiledTensor>(&segment.content);
      add_tile(tensor == nullptr ? std::min(segment.size, options_.tile_bytes) : tile_bytes(*tensor->program));
    }
    library_ = std::max(library_, std::min(library, kLibraryTaskBytes * threads_));
    stages_ = std::max(stages_, stage.whole_bytes - stage.file_bytes + stage.mapped_bytes + stage.work_bytes);
  }
  [[nodiscard]] std::int64_t total() const {
    const std::int64_t module = library_ > 0 ? kModuleBytes + library_ : 0;
    return kCodeBytes + (reduces_ ? kReductionBytes : 0) + module + stages_ + threads_ * (kThreadBytes + tile_);
  }

 private:
  [[nodiscard]] std::int64_t tile_bytes(const Program& program) const {
    const std::int64_t elements = std::min(program.elements, tile_elements(program, options_, threads_));
    return elements * program.item_bytes + scratch_bytes(program, elements, in_files_);
  }
  void add_tile(std::int64_t bytes) { tile_ = std::max(tile_, bytes); }

  const std::vector<Materialization>& all_;
  const std::vector<bool>& in_files_;
  const ExecOptions& options_;
  int threads_;
  std::int64_t tile_ = 0, stages_ = 0, library_ = 0;
  bool reduces_ = false;
};

}  // namespace

std::int64_t predicted_growth(const PhysicalPlan& plan, const std::vector<Stage>& stages,
                              const std::vector<bool>& in_files, const ExecOptions& options, int threads) {
  Growth growth(plan.materializations(), in_files, options, threads);
  for (const Stage& stage : stages) growth.add(stage, plan.segments());
  return growth.total();
}

std::int64_t predicted_growth(const ValuePlan& plan, const ExecOptions& options, int threads) {
  const std::vector<bool> in_files(plan.materializations().size(), false);
  Growth growth(plan.materializations(), in_files, options, threads);
  for (const Stage& stage : plan.stages(schedule_limits(options, threads))) growth.add(stage, {});
  return growth.total();
}

}  // namespace brainsurgery
