// What is asked of the values of tensors: checks, distances, statistics. Tensors pass by in blocks; none has to exist
// as a whole unless a dense operation makes it.
#include <algorithm>
#include <atomic>
#include <iterator>

#include "exec/answers.h"
#include "exec/executor_run.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

// Sums are taken over blocks of this many elements, and then over the blocks in order: the same for any tile size and
// number of threads.
constexpr std::int64_t kSumBlock = 1 << 16;

// In what PyTorch gives the mean of a dtype. It has none for 8-bit floats; they are treated like integers.
DType mean_dtype(DType dtype) {
  const bool has_own = dtype == DType::F64 || dtype == DType::F16 || dtype == DType::BF16;
  return has_own ? dtype : DType::F32;
}

double rounded_to(DType dtype, double value) {
  std::uint64_t rounded = 0;  // room for an element of any dtype
  kernels::cast(DType::F64, &value, dtype, &rounded, 1);
  double result = 0;
  kernels::cast(dtype, &rounded, DType::F64, &result, 1);
  return result;
}

}  // namespace

void Executor::for_each_block(const std::vector<Expr>& operands, std::optional<std::int64_t> block_elements,
                              const Look& look) {
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
  const std::int64_t block = block_elements.value_or(tile);
  std::atomic<bool> goes_on{true};
  const auto visit = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    if (!goes_on) return ByteCounts{};
    const std::int64_t begin = index * block;
    const std::int64_t end = std::min(total, begin + block);
    std::vector<std::unique_ptr<Scratch::Block>> memory;
    std::vector<const std::byte*> values;
    for (const CompiledTensor& tensor : tensors) {
      const Program& program = *tensor.program;
      memory.push_back(scratch.take((end - begin) * program.item_bytes));
      for (std::int64_t from = begin; from < end; from += tile) {
        std::byte* out = memory.back()->data() + (from - begin) * program.item_bytes;
        runner.run(program, from, std::min(end, from + tile), out);
      }
      values.push_back(memory.back()->data());
    }
    if (!look(values, begin, end - begin)) goes_on = false;
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{(total + block - 1) / block, visit};
  job.looks = true;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
}

std::optional<bool> Executor::holds(const checks::EqualValues& check) {
  std::atomic<bool> all{true};
  for_each_block({check.a, check.b}, {}, [&](auto values, std::int64_t, std::int64_t count) {
    const bool good = brainsurgery::holds(check, values[0], values[1], count);
    if (!good) all = false;
    return good;
  });
  return all;
}

std::optional<bool> Executor::holds(const checks::SmallValues& check) {
  std::atomic<bool> all{true};
  for_each_block({check.a}, {}, [&](auto values, std::int64_t, std::int64_t count) {
    const bool good = brainsurgery::holds(check, values[0], count);
    if (!good) all = false;
    return good;
  });
  return all;
}

Difference Executor::difference(const ValueComparison& comparison) {
  RunningDifference difference;
  for_each_block({comparison.a, comparison.b}, {}, [&](auto values, std::int64_t, std::int64_t count) {
    difference.add(comparison, values[0], values[1], count);
    return !difference.is_final();
  });
  return difference.result(comparison);
}

TensorStatistics Executor::statistics(const Expr& expr) {
  const std::int64_t count = element_count(expr.shape());
  if (count == 0 || !info(expr.dtype()).computes) return {};
  std::vector<kernels::Summary> blocks(static_cast<std::size_t>((count + kSumBlock - 1) / kSumBlock));
  for_each_block({cast(expr, DType::F64)}, kSumBlock, [&](auto values, std::int64_t begin, std::int64_t elements) {
    blocks[static_cast<std::size_t>(begin / kSumBlock)] =
        kernels::summarize(reinterpret_cast<const double*>(values[0]), elements);
    return true;
  });
  kernels::Summary all;
  for (const kernels::Summary& block : blocks) all = kernels::combined(all, block);
  return {all.min, all.max, rounded_to(mean_dtype(expr.dtype()), all.sum / static_cast<double>(count))};
}

}  // namespace brainsurgery
