// Conditions that are judged by numbers: reductions, or elements that are looked for.
#include <algorithm>
#include <iterator>

#include "exec/executor_run.h"
#include "exec/repetitions.h"
#include "kernels/kernels.h"
#include "planner/look_costs.h"

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

std::vector<Number> Executor::measure(const std::vector<Expr>& numbers) {
  Compiler compiler({options_.fuse});
  std::vector<CompiledTensor> tensors;
  std::vector<int> needs;
  for (const Expr& number : numbers) {
    BS_CHECK(element_count(number.shape()) == 1 && info(number.dtype()).computes);
    tensors.push_back(compiler.compile(number));
    std::ranges::copy(tensors.back().needs, std::back_inserter(needs));
  }
  Run run(compiler.materializations());
  run.looks = true;
  require(run, needs);
  for (const CompiledTensor& tensor : tensors) run.places.prepare(*tensor.program);
  std::vector<Number> values(numbers.size());
  const auto take = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const Program& program = *tensors[static_cast<std::size_t>(index)].program;
    const auto element = scratch.take(program.item_bytes);
    runner.run(program, 0, 1, element->data());
    values[static_cast<std::size_t>(index)] = number_of(program.dtype, element->data());
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{std::ssize(tensors), take};
  job.looks = true;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
  return values;
}

std::optional<Verdict> Executor::verdict(const checks::Measured& check) {
  const auto more = [this](const std::vector<Expr>& numbers) { return measure(numbers); };
  return check.judge(check.numbers.empty() ? std::vector<Number>() : measure(check.numbers), more);
}

std::optional<Verdict> Executor::verdict(const checks::DistinctValues& check) {
  const Expr values = check.a.dtype() == DType::U64 ? check.a : cast(check.a, DType::I64);
  const std::int64_t passes = distinct_passes(element_count(check.a.shape()), options_.budget_bytes);
  Repetitions repetitions(passes);
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    repetitions.begin(pass);
    for_each_block({values}, [&](auto blocks, std::int64_t begin, std::int64_t count) {
      repetitions.add(reinterpret_cast<const std::uint64_t*>(blocks[0]), begin, count);
      return true;
    });
    repetitions.end();
  }
  const auto found = repetitions.first();
  if (!found) return Verdict{true, ""};
  const auto* value = reinterpret_cast<const std::byte*>(&found->value);
  return Verdict{false, check.reason(number_of(values.dtype(), value), found->first, found->second)};
}

}  // namespace brainsurgery
