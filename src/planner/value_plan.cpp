#include "planner/value_plan.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "brainsurgery/error.h"
#include "planner/program_costs.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kEntryBytes = 32;  // a value with its place, and room to grow

std::int64_t at_once(std::int64_t budget_bytes) {
  return std::clamp<std::int64_t>(budget_bytes / kEntryBytes, 1 << 16, 1 << 22);
}

// The buffers that the numbers are made from.
std::vector<int> made(const ValuePlan& plan) {
  std::vector<int> buffers;
  for (const Stage& stage : plan.stages({})) std::ranges::copy(stage.make, std::back_inserter(buffers));
  return buffers;
}

}  // namespace

void ValuePlan::add(const Expr& number) {
  BS_CHECK(element_count(number.shape()) == 1 && info(number.dtype()).computes);
  tensors_.push_back(compiler_.compile(number));
  numbers_.push_back(number);
}

std::vector<Stage> ValuePlan::stages(const ScheduleLimits& limits) const {
  std::vector<int> needs;
  for (const CompiledTensor& tensor : tensors_) std::ranges::copy(tensor.needs, std::back_inserter(needs));
  return Scheduler(materializations(), limits).schedule(needs);
}

std::int64_t read_bytes(const ValuePlan& plan) {
  std::int64_t bytes = 0;
  for (const int buffer : made(plan)) bytes += read_bytes(plan.materializations()[buffer]);
  for (const CompiledTensor& tensor : plan.tensors()) bytes += read_bytes(*tensor.program);
  return bytes;
}

int pass_count(const ValuePlan& plan) {
  int passes = 0;
  for (const int buffer : made(plan)) {
    const auto* reduction = std::get_if<Materialization::Reduction>(&plan.materializations()[buffer].how);
    passes += reduction == nullptr ? 0 : reduction->passes;
  }
  return passes;
}

std::int64_t distinct_passes(std::int64_t elements, std::int64_t budget_bytes) {
  return elements == 0 ? 0 : 1 + (elements - 1) / at_once(budget_bytes);
}

std::int64_t distinct_bytes(std::int64_t elements, std::int64_t budget_bytes) {
  return std::min(elements, at_once(budget_bytes)) * kEntryBytes;
}

std::int64_t walk_bytes(const Expr& tensor, const CompileOptions& options) {
  Compiler compiler(options);
  std::int64_t bytes = read_bytes(*compiler.compile(tensor).program);
  for (const Materialization& each : compiler.materializations()) bytes += read_bytes(each);
  return bytes;
}

}  // namespace brainsurgery
