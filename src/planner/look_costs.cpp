#include "planner/look_costs.h"

#include <algorithm>

#include "brainsurgery/error.h"
#include "planner/program_costs.h"
#include "planner/schedule.h"

namespace brainsurgery {
namespace {

std::int64_t read_together(const std::vector<Expr>& tensors, const CompileOptions& options) {
  Compiler compiler(options);
  std::int64_t bytes = 0;
  for (const Expr& tensor : tensors) bytes += read_bytes(*compiler.compile(tensor).program);
  for (const Materialization& made : compiler.materializations()) bytes += read_bytes(made);
  return bytes;
}

struct LookBytes {
  const CompileOptions& options;
  std::int64_t budget_bytes;

  std::int64_t operator()(const checks::EqualValues* condition) const {
    return read_together({condition->a, condition->b}, options);
  }
  std::int64_t operator()(const checks::SmallValues* condition) const { return read_together({condition->a}, options); }
  std::int64_t operator()(const checks::Measured* condition) const {
    return read_together(condition->numbers, options);
  }
  std::int64_t operator()(const checks::DistinctValues* condition) const {
    const std::int64_t passes = distinct_passes(element_count(condition->a.shape()), budget_bytes);
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(passes, read_together({condition->a}, options), &bytes))
      throw Error(ErrorCode::run, "there are too many elements to look at");
    return bytes;
  }
  std::int64_t operator()(const ValueComparison* comparison) const {
    return read_together({comparison->a, comparison->b}, options);
  }
};

}  // namespace

std::int64_t distinct_passes(std::int64_t elements, std::int64_t budget_bytes) {
  constexpr std::int64_t kEntryBytes = 32;  // a value with its place, and room to grow
  const std::int64_t at_once = std::clamp<std::int64_t>(budget_bytes / kEntryBytes, 1 << 16, 1 << 22);
  return elements == 0 ? 0 : 1 + (elements - 1) / at_once;
}

std::int64_t look_bytes(const Questions::Question& question, const CompileOptions& options, std::int64_t budget_bytes) {
  return std::visit(LookBytes{options, budget_bytes}, question);
}

}  // namespace brainsurgery
