// Numbers of tensors, and the conditions that they decide. Tensors pass by in pieces; none has to exist as a whole unless
// a dense operation makes it.
#include <algorithm>
#include <utility>

#include "exec/executor_run.h"
#include "exec/repetitions.h"
#include "graph/visitor.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

Number number_of(DType dtype, const std::byte* element) {
  const auto converted = [&](auto value, DType to) {
    kernels::cast(dtype, element, to, &value, 1);
    return Number(value);
  };
  if (dtype == DType::U64) return converted(std::uint64_t{}, dtype);
  return is_floating(dtype) ? converted(double{}, DType::F64) : converted(std::int64_t{}, DType::I64);
}

}  // namespace

Number number_of(const Expr& literal) {
  const auto* node = as<nodes::Literal>(literal);
  BS_CHECK(node != nullptr && element_count(literal.shape()) == 1);
  return number_of(literal.dtype(), node->bytes.data());
}

std::vector<Number> Executor::run(const ValuePlan& plan) {
  Run run(plan.materializations());
  run.looks = true;
  for (const Stage& stage : plan.stages(schedule_limits(options_, pool_.size()))) perform(run, stage, {});
  for (const CompiledTensor& tensor : plan.tensors()) run.places.prepare(*tensor.program);
  std::vector<Number> values(plan.tensors().size());
  const auto take = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const Program& program = *plan.tensors()[static_cast<std::size_t>(index)].program;
    const auto element = scratch.take(program.item_bytes);
    runner.run(program, 0, 1, element->data());
    values[static_cast<std::size_t>(index)] = number_of(program.dtype, element->data());
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{std::ssize(values), take};
  job.looks = true;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
  return values;
}

std::vector<Number> Executor::numbers(const std::vector<Expr>& numbers) {
  ValuePlan plan({options_.fuse});
  for (const Expr& number : numbers) plan.add(number);
  return run(plan);
}

std::optional<Verdict> Executor::verdict(const checks::Measured& check) {
  const auto more = [this](const std::vector<Expr>& wanted) { return numbers(wanted); };
  return check.judge(numbers(check.numbers), more);
}

void Executor::for_each_block(const Expr& expr, const Look& look) {
  Compiler compiler({options_.fuse});
  const CompiledTensor tensor = compiler.compile(expr);
  const Program& program = *tensor.program;
  Run run(compiler.materializations());
  require(run, tensor.needs);
  run.places.prepare(program);
  const std::int64_t tile = tile_elements(program, options_, pool_.size());
  const auto visit = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = index * tile;
    const std::int64_t end = std::min(program.elements, begin + tile);
    const auto values = scratch.take((end - begin) * program.item_bytes);
    runner.run(program, begin, end, values->data());
    look(values->data(), begin, end - begin);
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{(program.elements + tile - 1) / tile, visit};
  job.looks = true;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
}

std::optional<Verdict> Executor::verdict(const checks::DistinctValues& check) {
  const Expr values = check.a.dtype() == DType::U64 ? check.a : cast(check.a, DType::I64);
  const std::int64_t passes = distinct_passes(element_count(check.a.shape()), options_.budget_bytes);
  Repetitions repetitions(passes);
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    repetitions.begin(pass);
    for_each_block(values, [&](const std::byte* block, std::int64_t begin, std::int64_t count) {
      repetitions.add(reinterpret_cast<const std::uint64_t*>(block), begin, count);
    });
    repetitions.end();
  }
  const auto found = repetitions.first();
  if (!found) return Verdict{true, ""};
  const auto* value = reinterpret_cast<const std::byte*>(&found->value);
  return Verdict{false, check.reason(number_of(values.dtype(), value), found->first, found->second)};
}

}  // namespace brainsurgery
