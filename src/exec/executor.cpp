#include "exec/executor.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/interrupt.h"
#include "brainsurgery/error.h"
#include "exec/executor_run.h"
#include "exec/kernels/kernels.h"

namespace brainsurgery {
namespace {

// Mapped tensors may be resident until their group of segments is done; groups end when they have mapped as much.
constexpr std::int64_t kMaxMappedBytes = 128 << 20;

// What is read at random comes in larger pieces from each place when more of it is done at once.
constexpr std::int64_t kGatherTiles = 4;

// A tile has this many buffers of its size, or more that are smaller.
constexpr int kTileBuffers = 4;

// The disk is given this much to write at a time.
constexpr std::int64_t kWritebackBytes = 32 << 20;

}  // namespace

Executor::Executor(ThreadPool& pool, ExecOptions options, Progress progress)
    : pool_(pool), options_(std::move(options)), progress_(std::move(progress)) {
  if (!progress_) progress_ = [](std::int64_t) {};
}

std::int64_t Executor::tile_elements(const Program& program) const {
  const std::int64_t row = program.gathered_row;
  const std::int64_t bytes = row == 0 ? options_.tile_bytes : kGatherTiles * options_.tile_bytes;
  // Many sources share the memory of a few.
  const std::int64_t buffers = std::max(kTileBuffers, program.tile_slots + 1);
  const std::int64_t elements = std::max<std::int64_t>(1, bytes * kTileBuffers / buffers / program.tile_item);
  return row == 0 || elements < row ? elements : elements / row * row;
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
    TileRunner runner(places, verdicts_);
    Scratch scratch;
    for (std::int64_t i = next.fetch_add(1); i < total; i = next.fetch_add(1)) {
      try {
        throw_if_interrupted();
        if (verdicts_ != nullptr && verdicts_->required_failed()) throw TestFailed{};
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
  if (total > 1) {
    pool_.run(work);
  } else {
    work(0);  // waking the others takes longer
  }
  if (verdicts_ != nullptr && verdicts_->required_failed()) throw TestFailed{};
  progress_(done_bytes - told_bytes);
}

// Tiles are taken in order: when one reaches the next stretch, those of the stretch before are written, but for one or
// two, which the sync then finds.
void Executor::put(const Target& target, std::int64_t tile, std::int64_t offset,
                   std::span<const std::byte> bytes) const {
  target.sums.record(target.segment, tile, bytes);
  target.file.write(offset, bytes);
  if (!options_.early_writeback) return;
  const std::int64_t stretch = (offset + std::ssize(bytes)) / kWritebackBytes;
  if (stretch > offset / kWritebackBytes)
    target.file.start_writeback((stretch - 1) * kWritebackBytes, kWritebackBytes);
}

Executor::Job Executor::copy_job(const Target& target, const FilePlace& from, const ByteRange& range) const {
  // Tiles start where the segment does. Were they aligned in the target, the page cache would take large blocks for
  // them, which a virtual machine may have to get back from its host first: several times slower, at random
  // (docs/performance.md).
  const Segment& segment = target.plan.segments()[target.segment];
  const std::int64_t tile = std::max<std::int64_t>(1, options_.tile_bytes);
  const auto run = [this, target, &segment, &from, range, tile](TileRunner&, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = range.begin + index * tile;
    const std::int64_t end = std::min(range.end, begin + tile);
    const auto block = scratch.take(std::min(tile, range.size()));
    const std::span<std::byte> bytes(block->data(), static_cast<std::size_t>(end - begin));
    from.file->read(from.offset + begin - segment.offset, bytes);
    put(target, index, begin, bytes);
    return end - begin;
  };
  const std::int64_t tiles = (range.size() + tile - 1) / tile;
  target.sums.expect(target.segment, tiles);
  return {tiles, run};
}

Executor::Job Executor::compute_job(const Target& target, const Program& program) const {
  const Segment& segment = target.plan.segments()[target.segment];
  const std::int64_t elements = tile_elements(program);
  const std::int64_t tiles = (program.elements + elements - 1) / elements;
  const auto run = [this, target, &segment, &program, elements](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = index * elements;
    const std::int64_t end = std::min(program.elements, begin + elements);
    const auto block = scratch.take((end - begin) * program.item_bytes);
    runner.run(program, begin, end, block->data());
    const std::span<std::byte> bytes(block->data(), static_cast<std::size_t>((end - begin) * program.item_bytes));
    put(target, index, segment.offset + begin * program.item_bytes, bytes);
    return std::ssize(bytes);
  };
  target.sums.expect(target.segment, tiles);
  return {tiles, run};
}

std::int64_t Executor::write(const PhysicalPlan& plan, WritableFile& file) {
  file.resize(plan.size());
  const std::vector<ByteRange> shared = share_extents(plan, file);
  std::int64_t shared_bytes = 0, done = 0;
  for (const ByteRange& range : shared) {
    if (range.size() == 0) continue;
    file.reserve(done, range.begin - done);
    done = range.end;
    shared_bytes += range.size();
    progress_(range.size());
  }
  file.reserve(done, plan.size() - done);
  Run run(*this, plan.materializations());
  Checksums sums(plan);
  std::vector<Job> group;
  const auto flush = [&] {
    if (group.empty()) return;
    run_jobs(group, run.places);
    run.places.finish();
    group.clear();
  };
  for (std::size_t i = 0; i < plan.segments().size(); ++i) {
    const Segment& segment = plan.segments()[i];
    const Target target{file, plan, sums, i};
    if (const auto* given = std::get_if<Segment::Bytes>(&segment.content)) {
      const auto bytes = std::as_bytes(std::span(given->bytes));
      sums.expect(i, 1);
      sums.record(i, 0, bytes);
      file.write(segment.offset, bytes);
      progress_(segment.size);
    } else if (const auto* copy = std::get_if<Segment::Copy>(&segment.content)) {
      const ByteRange before{segment.offset, shared[i].begin}, after{shared[i].end, segment.offset + segment.size};
      if (before.size() > 0) group.push_back(copy_job(target, copy->from, before));
      if (after.size() > 0) group.push_back(copy_job(target, copy->from, after));
    } else if (const auto* tensor = std::get_if<CompiledTensor>(&segment.content)) {
      if (!tensor->needs.empty()) {
        flush();
        require(run, tensor->needs);
      }
      run.places.prepare(*tensor->program);
      group.push_back(compute_job(target, *tensor->program));
      if (!tensor->needs.empty()) {
        flush();
        release(run, tensor->needs);
      } else if (run.places.mapped_bytes() > kMaxMappedBytes) {
        flush();
      }
    }
  }
  flush();
  write_checksums(plan, sums, file);
  return shared_bytes;
}

// Last: they may stand before what they are of.
void Executor::write_checksums(const PhysicalPlan& plan, const Checksums& sums, WritableFile& file) const {
  for (const Segment& segment : plan.segments()) {
    const auto* checksum = std::get_if<Segment::Checksum>(&segment.content);
    if (checksum == nullptr) continue;
    const std::uint32_t crc = sums.of(checksum->begin, checksum->end);
    std::array<std::byte, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(crc >> (8 * i) & 0xFF);
    file.write(segment.offset, bytes);
    progress_(segment.size);
  }
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

}  // namespace brainsurgery
