#include "exec/executor.h"

#include <algorithm>
#include <atomic>

#include "base/interrupt.h"
#include "brainsurgery/error.h"
#include "exec/kernels/kernels.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kNoOutput = 0;  // bytes of the target that a piece of work has written
// Mapped tensors may be resident until their group of segments is done; groups end when they have mapped as much.
constexpr std::int64_t kMaxMappedBytes = 128 << 20;

}  // namespace

struct Executor::Run {
  explicit Run(const Executor& executor, const std::vector<Materialization>& all)
      : materializations(all),
        ready(all.size(), false),
        uses(all.size(), 0),
        memory(executor.options_.budget_bytes, executor.options_.spill_directory) {
    places.buffers.resize(all.size());
  }
  const std::vector<Materialization>& materializations;
  Places places;
  std::vector<bool> ready;
  std::vector<int> uses;
  BufferPool memory;
};

Executor::Executor(ThreadPool& pool, ExecOptions options, Progress progress)
    : pool_(pool), options_(std::move(options)), progress_(std::move(progress)) {
  if (!progress_) progress_ = [](std::int64_t) {};
}

std::int64_t Executor::tile_elements(const Program& program) const {
  return std::max<std::int64_t>(1, options_.tile_bytes / program.widest_item);
}

void Executor::run_jobs(const std::vector<Job>& jobs, const Places& places) {
  std::vector<std::int64_t> first(jobs.size());  // number of the job's first tile
  std::int64_t total = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    first[i] = total;
    total += jobs[i].tiles;
  }
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> done_bytes{0};
  std::int64_t told_bytes = 0;
  const auto work = [&](int worker) {
    TileRunner runner(places);
    Scratch scratch;
    for (std::int64_t i = next.fetch_add(1); i < total; i = next.fetch_add(1)) {
      try {
        throw_if_interrupted();
        const auto job = std::upper_bound(first.begin(), first.end(), i) - first.begin() - 1;
        done_bytes += jobs[job].run(runner, scratch, i - first[job]);
      } catch (...) {
        next = total;  // nobody starts another tile
        throw;
      }
      if (worker == 0) {
        const std::int64_t bytes = done_bytes;
        progress_(bytes - told_bytes);
        told_bytes = bytes;
      }
    }
  };
  pool_.run(work);
  progress_(done_bytes - told_bytes);
}

Executor::Job Executor::copy_job(const Segment& segment, const FilePlace& from, WritableFile& file) const {
  // Tiles start where the segment does. Were they aligned in the target, the page cache would take large blocks for
  // them, which a virtual machine may have to get back from its host first: several times slower, at random
  // (docs/performance.md).
  const std::int64_t tile = std::max<std::int64_t>(1, options_.tile_bytes);
  const auto run = [&segment, &from, &file, tile](TileRunner&, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = segment.offset + index * tile;
    const std::int64_t end = std::min(segment.offset + segment.size, begin + tile);
    const auto block = scratch.take(std::min(tile, segment.size));
    const std::span<std::byte> bytes(block->data(), static_cast<std::size_t>(end - begin));
    from.file->read(from.offset + begin - segment.offset, bytes);
    file.write(begin, bytes);
    return end - begin;
  };
  return {(segment.size + tile - 1) / tile, run};
}

Executor::Job Executor::compute_job(const Segment& segment, const Program& program, WritableFile& file) const {
  const std::int64_t elements = tile_elements(program);
  const std::int64_t tiles = (program.elements + elements - 1) / elements;
  const auto run = [&segment, &program, &file, elements](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = index * elements;
    const std::int64_t end = std::min(program.elements, begin + elements);
    const auto block = scratch.take((end - begin) * program.item_bytes);
    runner.run(program, begin, end, block->data());
    const std::int64_t bytes = (end - begin) * program.item_bytes;
    file.write(segment.offset + begin * program.item_bytes, {block->data(), static_cast<std::size_t>(bytes)});
    return bytes;
  };
  return {tiles, run};
}

void Executor::write(const PhysicalPlan& plan, WritableFile& file) {
  file.allocate(plan.size());
  Run run(*this, plan.materializations());
  std::vector<Job> group;
  const auto flush = [&] {
    if (group.empty()) return;
    run_jobs(group, run.places);
    run.places.finish();
    group.clear();
  };
  for (const Segment& segment : plan.segments()) {
    if (const auto* given = std::get_if<Segment::Bytes>(&segment.content)) {
      file.write(segment.offset, std::as_bytes(std::span(given->bytes)));
      progress_(segment.size);
    } else if (const auto* copy = std::get_if<Segment::Copy>(&segment.content)) {
      group.push_back(copy_job(segment, copy->from, file));
    } else {
      const auto& tensor = std::get<CompiledTensor>(segment.content);
      if (!tensor.needs.empty()) {
        flush();
        require(run, tensor.needs);
      }
      run.places.prepare(*tensor.program);
      group.push_back(compute_job(segment, *tensor.program, file));
      if (!tensor.needs.empty()) {
        flush();
        release(run, tensor.needs);
      } else if (run.places.mapped_bytes() > kMaxMappedBytes) {
        flush();
      }
    }
  }
  flush();
}

void Executor::require(Run& run, const std::vector<int>& needs) {
  for (const int buffer : closure(needs, run.materializations, run.ready)) make(run, buffer);
}

void Executor::release(Run& run, const std::vector<int>& needs) {
  for (const int buffer : needs) {
    if (++run.uses[buffer] == run.materializations[buffer].uses)
      run.memory.give_back(std::move(run.places.buffers[buffer]));
  }
}

void Executor::make(Run& run, int buffer) {
  const Materialization& wanted = run.materializations[buffer];
  run.places.buffers[buffer] = run.memory.take(wanted.bytes);
  const std::span<std::byte> into = run.places.buffers[buffer]->bytes();
  if (const auto* program = std::get_if<ProgramPtr>(&wanted.how)) {
    run.places.prepare(**program);
    const std::int64_t elements = tile_elements(**program);
    const auto fill = [&](TileRunner& runner, Scratch&, std::int64_t index) {
      const std::int64_t begin = index * elements;
      const std::int64_t end = std::min((*program)->elements, begin + elements);
      runner.run(**program, begin, end, into.data() + begin * (*program)->item_bytes);
      return kNoOutput;
    };
    run_jobs({{((*program)->elements + elements - 1) / elements, fill}}, run.places);
  } else if (const auto* random = std::get_if<nodes::Random>(&wanted.how)) {
    draw(*random, wanted.desc, into);
  } else if (!into.empty()) {
    const auto operand = [&run](const Place& place, const TensorDesc& desc) {
      const std::int64_t bytes = byte_count(desc.dtype, desc.shape);
      run.places.map(place, bytes);
      return DenseModule::Operand{bytes == 0 ? nullptr : run.places.memory(place).data(), desc};
    };
    if (const auto* matmul = std::get_if<Materialization::Matmul>(&wanted.how)) {
      dense_.matmul(operand(matmul->a, matmul->a_desc), operand(matmul->b, matmul->b_desc), into.data(), wanted.desc);
    } else {
      const auto& factors = std::get<Materialization::SingularFactors>(wanted.how);
      dense_.singular_factors(operand(factors.matrix, factors.matrix_desc), factors.exact, into.data(), wanted.desc);
    }
  }
  run.places.finish();
  run.ready[buffer] = true;
  release(run, wanted.needs);
}

void Executor::draw(const nodes::Random& random, const TensorDesc& desc, std::span<std::byte> into) const {
  const std::int64_t count = element_count(desc.shape);
  const std::int64_t item = item_size(desc.dtype);
  const auto in_pieces = [&](auto& stream) {
    const std::int64_t piece = std::max<std::int64_t>(1, options_.tile_bytes / item);
    for (std::int64_t begin = 0; begin < count; begin += piece) {
      throw_if_interrupted();
      stream.draw(desc.dtype, into.data() + begin * item, std::min(piece, count - begin));
    }
  };
  if (random.distribution == nodes::Random::Distribution::uniform) {
    kernels::UniformStream stream(random.seed, random.a, random.b);
    in_pieces(stream);
  } else {
    kernels::NormalStream stream(random.seed, random.a, random.b);
    in_pieces(stream);
  }
}

std::vector<std::byte> Executor::evaluate(const Expr& expr) {
  Compiler compiler({options_.fuse});
  const CompiledTensor tensor = compiler.compile(expr);
  Run run(*this, compiler.materializations());
  require(run, tensor.needs);
  run.places.prepare(*tensor.program);
  std::vector<std::byte> result(static_cast<std::size_t>(tensor.program->elements * tensor.program->item_bytes));
  const std::int64_t elements = tile_elements(*tensor.program);
  const auto fill = [&](TileRunner& runner, Scratch&, std::int64_t index) {
    const std::int64_t begin = index * elements;
    runner.run(*tensor.program, begin, std::min(tensor.program->elements, begin + elements),
               result.data() + begin * tensor.program->item_bytes);
    return kNoOutput;
  };
  run_jobs({{(tensor.program->elements + elements - 1) / elements, fill}}, run.places);
  run.places.finish();
  return result;
}

bool Executor::all_tiles(const std::vector<Expr>& operands,
                         const std::function<bool(std::span<const std::byte* const>, std::int64_t count)>& holds) {
  Compiler compiler({options_.fuse});
  std::vector<CompiledTensor> tensors;
  for (const Expr& operand : operands) tensors.push_back(compiler.compile(operand));
  Run run(*this, compiler.materializations());
  std::int64_t elements = tile_elements(*tensors.front().program);
  for (const CompiledTensor& tensor : tensors) {
    require(run, tensor.needs);
    run.places.prepare(*tensor.program);
    elements = std::min(elements, tile_elements(*tensor.program));
  }
  const std::int64_t count = tensors.front().program->elements;
  std::atomic<bool> all{true};
  const auto test = [&](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    if (!all) return kNoOutput;
    const std::int64_t begin = index * elements;
    const std::int64_t end = std::min(count, begin + elements);
    std::vector<std::unique_ptr<Scratch::Block>> blocks;
    std::vector<const std::byte*> values;
    for (const CompiledTensor& tensor : tensors) {
      blocks.push_back(scratch.take((end - begin) * tensor.program->item_bytes));
      runner.run(*tensor.program, begin, end, blocks.back()->data());
      values.push_back(blocks.back()->data());
    }
    if (!holds(values, end - begin)) all = false;
    return kNoOutput;
  };
  run_jobs({{(count + elements - 1) / elements, test}}, run.places);
  run.places.finish();
  return all;
}

std::optional<bool> Executor::holds(const checks::EqualValues& check) {
  // Types below 8 bits are compared as bytes, as they are moved.
  const DType dtype = info(check.a.dtype()).bits % 8 == 0 ? check.a.dtype() : DType::U8;
  return all_tiles({check.a, check.b}, [&](std::span<const std::byte* const> values, std::int64_t count) {
    return check.eps ? kernels::all_within(dtype, values[0], values[1], *check.eps, count)
                     : kernels::all_equal(dtype, values[0], values[1], count);
  });
}

std::optional<bool> Executor::holds(const checks::SmallValues& check) {
  return all_tiles({check.a}, [&](std::span<const std::byte* const> values, std::int64_t count) {
    return kernels::all_small(check.a.dtype(), values[0], check.eps, count);
  });
}

}  // namespace brainsurgery
