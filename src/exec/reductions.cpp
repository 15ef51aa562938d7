// What is asked of the values of tensors: checks, distances, statistics. Tensors pass by in blocks; none has to exist
// as a whole unless a dense operation makes it.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iterator>

#include "exec/answers.h"
#include "exec/executor_run.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

// In what PyTorch gives the mean of a dtype. It has none for 8-bit floats; they are treated like integers.
DType mean_dtype(DType dtype) {
  const bool has_own = dtype == DType::F64 || dtype == DType::F16 || dtype == DType::BF16;
  return has_own ? dtype : DType::F32;
}

// The numbers in a row, in a type whose mean is at least as precise as the one that is wanted.
Expr with_means(const Expr& tensor) {
  const DType dtype = tensor.dtype();
  const Expr expr = reshape(tensor, {-1});
  if (is_floating(dtype)) return info(dtype).bits == 8 ? cast(expr, DType::F32) : expr;
  return cast(expr, DType::F64);
}

}  // namespace

void Executor::for_each_block(const std::vector<Expr>& operands, const Look& look) {
  Compiler compiler({options_.fuse});
  std::vector<CompiledTensor> tensors;
  for (const Expr& operand : operands) tensors.push_back(compiler.compile(operand));
  Run run(compiler.materializations());
  std::int64_t tile = tile_elements(*tensors.front().program, options_, pool_.size());
  std::vector<int> needs;
  for (const CompiledTensor& tensor : tensors) std::ranges::copy(tensor.needs, std::back_inserter(needs));
  require(run, needs);
  for (const CompiledTensor& tensor : tensors) {
    run.places.prepare(*tensor.program);
    tile = std::min(tile, tile_elements(*tensor.program, options_, pool_.size()));
  }
  const std::int64_t total = tensors.front().program->elements;
  std::atomic<bool> goes_on{true};
  const auto visit = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    if (!goes_on) return ByteCounts{};
    const std::int64_t begin = index * tile;
    const std::int64_t end = std::min(total, begin + tile);
    std::vector<std::unique_ptr<Scratch::Block>> memory;
    std::vector<const std::byte*> values;
    for (const CompiledTensor& tensor : tensors) {
      const Program& program = *tensor.program;
      memory.push_back(scratch.take((end - begin) * program.item_bytes));
      runner.run(program, begin, end, memory.back()->data());
      values.push_back(memory.back()->data());
    }
    if (!look(values, begin, end - begin)) goes_on = false;
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{(total + tile - 1) / tile, visit};
  job.looks = true;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
}

std::optional<bool> Executor::holds(const checks::EqualValues& check) {
  std::atomic<bool> all{true};
  for_each_block({check.a, check.b}, [&](auto values, std::int64_t, std::int64_t count) {
    const bool good = brainsurgery::holds(check, values[0], values[1], count);
    if (!good) all = false;
    return good;
  });
  return all;
}

std::optional<bool> Executor::holds(const checks::SmallValues& check) {
  std::atomic<bool> all{true};
  for_each_block({check.a}, [&](auto values, std::int64_t, std::int64_t count) {
    const bool good = brainsurgery::holds(check, values[0], count);
    if (!good) all = false;
    return good;
  });
  return all;
}

Difference Executor::difference(const ValueComparison& comparison) {
  RunningDifference difference;
  for_each_block({comparison.a, comparison.b}, [&](auto values, std::int64_t, std::int64_t count) {
    difference.add(comparison, values[0], values[1], count);
    return !difference.is_final();
  });
  return difference.result(comparison);
}

TensorStatistics Executor::statistics(const Expr& expr) {
  if (element_count(expr.shape()) == 0 || !info(expr.dtype()).computes) return {};
  const Expr elements = with_means(expr);
  const auto number = [&elements](const char* name) { return reduce(reducer(name), {elements}, {0}, true); };
  const Expr mean = cast(number("mean"), mean_dtype(expr.dtype()));
  std::vector<Expr> found;
  for (const Expr& one : {number("min"), number("max"), mean}) found.push_back(cast(one, DType::F64));
  const std::vector<std::byte> bytes = evaluate(concat(std::move(found), 0), true);
  std::array<double, 3> numbers{};
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return {numbers[0], numbers[1], numbers[2]};
}

}  // namespace brainsurgery
