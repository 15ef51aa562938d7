#include "exec/executor.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/interrupt.h"
#include "brainsurgery/error.h"
#include "exec/executor_run.h"
#include "exec/made_by.h"
#include "exec/reduction_task.h"
#include "kernels/kernels.h"
#include "kernels/small_dense.h"

namespace brainsurgery {
namespace {

// What is read at random comes in larger pieces from each place when more of it is done at once. Most of all where each
// piece is a call of the system or decodes a block; then tiles are as large as the budget allows, within limits.
constexpr std::int64_t kGatherTiles = 4;
constexpr std::int64_t kMostBoxTiles = 32;

// A tile has this many buffers of its size, or more that are smaller.
constexpr int kTileBuffers = 4;

constexpr std::int64_t kMaxTileBytes = std::int64_t{1} << 40;  // whatever is asked for

// However small the budget is, so much may be mapped: the system can have these pages back.
constexpr std::int64_t kLeastMappedBytes = 16 << 20;

// The disk is given this much to write at a time.
constexpr std::int64_t kWritebackBytes = 32 << 20;

// Has a part of a buffer written: where it is, or beside it if that is in a file, whose pages would become resident.
template <typename Write>
void fill_part(const Buffer& buffer, std::int64_t offset, std::int64_t bytes, Scratch& scratch, const Write& write) {
  if (!buffer.spilled()) return write(buffer.bytes().data() + offset);
  const auto block = scratch.take(bytes);
  write(block->data());
  buffer.write(offset, {block->data(), static_cast<std::size_t>(bytes)});
}

}  // namespace

std::int64_t tile_elements(const Program& program, const ExecOptions& options, int threads) {
  const std::int64_t row = program.gathered_row;
  const std::int64_t tile_bytes = std::min(options.tile_bytes, kMaxTileBytes);
  std::int64_t bytes = row == 0 ? tile_bytes : kGatherTiles * tile_bytes;
  if (program.reads_boxes) {  // each thread has a box beside its tile
    bytes = std::clamp(options.budget_bytes / (2 * threads), kGatherTiles * tile_bytes, kMostBoxTiles * tile_bytes);
  }
  // Many sources share the memory of a few.
  const std::int64_t buffers = std::max(kTileBuffers, program.tile_slots + 1);
  const std::int64_t elements = std::max<std::int64_t>(1, bytes * kTileBuffers / buffers / program.tile_item);
  return row == 0 || elements < row ? elements : elements / row * row;
}

ScheduleLimits schedule_limits(const ExecOptions& options, int threads) {
  ScheduleLimits limits{.budget_bytes = options.budget_bytes, .workers = threads};
  limits.mapped_bytes = std::min(limits.mapped_bytes, std::max(options.budget_bytes, kLeastMappedBytes));
  return limits;
}

Executor::Executor(ThreadPool& pool, ExecOptions options, Progress progress)
    : pool_(pool), options_(std::move(options)), progress_(std::move(progress)) {
  if (!progress_) progress_ = [](std::int64_t) {};
}

bool Executor::run_jobs(const std::vector<Job>& jobs, const Places& places, bool is_first_pass) {
  std::vector<std::int64_t> first(jobs.size());  // number of the job's first tile
  std::int64_t total = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    first[i] = total;
    total += jobs[i].tiles;
  }
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> done{0};
  std::int64_t told_bytes = 0;
  std::vector<ByteCounts> moved(static_cast<std::size_t>(pool_.size()));  // by worker
  std::vector<DivisionCounts> divisions(moved.size());
  const auto stopped = [this] { return reductions_ != nullptr && reductions_->stopped(); };
  const auto work = [&](int worker) {
    TileRunner runner(places);
    Scratch scratch;
    ByteCounts mine;
    for (std::int64_t i = next.fetch_add(1); i < total && !stopped(); i = next.fetch_add(1)) {
      const auto job = std::upper_bound(first.begin(), first.end(), i) - first.begin() - 1;
      try {
        throw_if_interrupted();
        const ByteCounts tile = jobs[job].run(runner, scratch, i - first[job]);
        done += tile.written + jobs[job].effort + (jobs[job].looks ? tile.read : 0);
        mine += tile;
      } catch (const Error& error) {
        next = total;  // nobody starts another tile
        throw made_by(error, jobs[job].maker);
      } catch (...) {
        next = total;
        throw;
      }
      if (worker == 0) {
        const std::int64_t bytes = done;
        progress_(bytes - told_bytes);
        told_bytes = bytes;
      }
    }
    moved[static_cast<std::size_t>(worker)] = mine;
    divisions[static_cast<std::size_t>(worker)] = runner.divisions();
  };
  if (total > 1) {
    pool_.run(work);
  } else {
    work(0);  // waking the others takes longer
  }
  for (const ByteCounts& part : moved) moved_ += part;
  for (std::size_t i = 0; is_first_pass && i < divisions.size(); ++i) divisions_.add(divisions[i]);
  progress_(done - told_bytes);
  return !stopped();
}

bool Executor::run_passes(std::vector<Job> jobs, const Places& places) {
  for (int pass = 0; !jobs.empty(); ++pass) {
    if (!run_jobs(jobs, places, pass == 0)) return false;
    std::erase_if(jobs, [pass](const Job& job) { return job.passes <= pass + 1; });
  }
  return true;
}

// Tiles are taken in order: when one reaches the next stretch, those of the stretch before are written, but for one or
// two, which the sync then finds.
void Executor::put(const Target& target, std::int64_t tile, std::int64_t offset,
                   std::span<const std::byte> bytes) const {
  target.sums.record(target.segment, tile, bytes);
  target.file.write(offset, bytes);
  if (!options_.early_writeback) return;
  const std::int64_t stretch = (offset + std::ssize(bytes)) / kWritebackBytes;
  if (stretch > offset / kWritebackBytes) target.file.start_writeback((stretch - 1) * kWritebackBytes, kWritebackBytes);
}

Executor::Job Executor::copy_job(const Target& target, const FilePlace& from, const ByteRange& range) const {
  // Tiles start where the segment does. Were they aligned in the target, the page cache would take large blocks for
  // them, which a virtual machine may have to get back from its host first: several times slower, at random
  // (docs/performance.md).
  const Segment& segment = target.plan.segments()[target.segment];
  const std::int64_t tile = std::max<std::int64_t>(1, options_.tile_bytes);
  const auto run = [=, this, &segment, &from](TileRunner&, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = range.begin + index * tile;
    const std::int64_t end = std::min(range.end, begin + tile);
    const auto block = scratch.take(std::min(tile, range.size()));
    const std::span<std::byte> bytes(block->data(), static_cast<std::size_t>(end - begin));
    from.file->read(from.offset + begin - segment.offset, bytes);
    put(target, index, begin, bytes);
    return ByteCounts{.read = end - begin, .written = end - begin, .copied = end - begin};
  };
  const std::int64_t tiles = (range.size() + tile - 1) / tile;
  target.sums.expect(target.segment, tiles);
  return {tiles, run};
}

Executor::Job Executor::compute_job(const Target& target, const Program& program) const {
  const Segment& segment = target.plan.segments()[target.segment];
  const std::int64_t elements = tile_elements(program, options_, pool_.size());
  const std::int64_t tiles = (program.elements + elements - 1) / elements;
  const auto run = [this, target, &segment, &program, elements](TileRunner& runner, Scratch& scratch,
                                                                std::int64_t index) {
    const std::int64_t begin = index * elements;
    const std::int64_t end = std::min(program.elements, begin + elements);
    const auto block = scratch.take((end - begin) * program.item_bytes);
    runner.run(program, begin, end, block->data(), reductions_);
    const std::span<std::byte> bytes(block->data(), static_cast<std::size_t>((end - begin) * program.item_bytes));
    put(target, index, segment.offset + begin * program.item_bytes, bytes);
    const std::int64_t read = runner.take_read_bytes();
    return ByteCounts{.read = read, .written = std::ssize(bytes), .computed = std::ssize(bytes)};
  };
  target.sums.expect(target.segment, tiles);
  return {tiles, run};
}

bool Executor::write(const PhysicalPlan& plan, WritableFile& file) {
  const std::vector<Stage> stages =
      Scheduler(plan.materializations(), schedule_limits(options_, pool_.size())).schedule(plan);
  std::shared_ptr<Run> run;
  return write({{plan, stages}}, [&file](std::size_t) -> WritableFile& { return file; }, run);
}

bool Executor::write(const std::vector<FileTask>& files, const std::function<WritableFile&(std::size_t)>& open,
                     std::shared_ptr<Run>& run) {
  if (files.empty()) return true;
  if (run == nullptr) run = std::make_shared<Run>(files.front().plan.materializations());
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!write(*run, files[i], open(i))) return false;
  }
  return true;
}

// Gives the range of each segment that shares the disk blocks of an input.
std::vector<ByteRange> Executor::share_or_reserve(const PhysicalPlan& plan, WritableFile& file) {
  file.resize(plan.size());
  std::vector<ByteRange> shared = share_extents(plan, file);
  std::int64_t done = 0;
  for (const ByteRange& range : shared) {
    if (range.size() == 0) continue;
    file.reserve(done, range.begin - done);
    done = range.end;
    moved_ += {.read = range.size(), .copied = range.size(), .shared = range.size()};
    tell_written(range.size());
  }
  file.reserve(done, plan.size() - done);
  return shared;
}

bool Executor::write(Run& run, const FileTask& task, WritableFile& file) {
  const std::vector<ByteRange> shared = share_or_reserve(task.plan, file);
  Checksums sums(task.plan);
  write_given(task.plan, sums, file);
  for (const Stage& stage : task.stages) {
    std::vector<Job> jobs;
    for (const std::size_t i : stage.write) {
      const Target target{file, task.plan, sums, i};
      const Segment& segment = task.plan.segments()[i];
      if (const auto* copy = std::get_if<Segment::Copy>(&segment.content)) {
        const ByteRange before{segment.offset, shared[i].begin}, after{shared[i].end, segment.offset + segment.size};
        if (before.size() > 0) jobs.push_back(copy_job(target, copy->from, before));
        if (after.size() > 0) jobs.push_back(copy_job(target, copy->from, after));
      } else {
        const Program& program = *std::get<CompiledTensor>(segment.content).program;
        run.places.prepare(program);
        jobs.push_back(compute_job(target, program));
      }
    }
    if (!perform(run, stage, std::move(jobs))) return false;
  }
  write_checksums(task.plan, sums, file);
  return true;
}

void Executor::tell_written(std::int64_t bytes) {
  moved_.written += bytes;
  progress_(bytes);
}

void Executor::write_given(const PhysicalPlan& plan, Checksums& sums, WritableFile& file) {
  for (std::size_t i = 0; i < plan.segments().size(); ++i) {
    const Segment& segment = plan.segments()[i];
    const auto* given = std::get_if<Segment::Bytes>(&segment.content);
    if (given == nullptr) continue;
    const auto bytes = std::as_bytes(std::span(given->bytes));
    sums.expect(i, 1);
    sums.record(i, 0, bytes);
    file.write(segment.offset, bytes);
    tell_written(segment.size);
  }
}

// Last: they may stand before what they are of.
void Executor::write_checksums(const PhysicalPlan& plan, const Checksums& sums, WritableFile& file) {
  for (const Segment& segment : plan.segments()) {
    const auto* checksum = std::get_if<Segment::Checksum>(&segment.content);
    if (checksum == nullptr) continue;
    const std::uint32_t crc = sums.of(checksum->begin, checksum->end);
    std::array<std::byte, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(crc >> (8 * i) & 0xFF);
    file.write(segment.offset, bytes);
    tell_written(segment.size);
  }
}

void Executor::require(Run& run, const std::vector<int>& needs) {
  Scheduler scheduler(run.materializations, schedule_limits(options_, pool_.size()));
  for (const Stage& stage : scheduler.schedule(needs)) perform(run, stage, {});
}

// `jobs`: what the stage writes.
bool Executor::perform(Run& run, const Stage& stage, std::vector<Job> jobs) {
  for (const int buffer : stage.make) {
    const std::int64_t bytes = run.materializations[buffer].bytes;
    const bool spill = std::ranges::find(stage.spill, buffer) != stage.spill.end();
    run.places.buffers[buffer] = spill ? spilled_buffer(bytes, options_.spill_directory) : memory_buffer(bytes);
    jobs.push_back(make_job(run, buffer));
  }
  progress_(0);
  const bool goes_on = run_passes(std::move(jobs), run.places);
  run.places.finish();  // throws where a file is damaged
  for (const int buffer : stage.drop) run.places.buffers[buffer].reset();
  return goes_on;
}

Executor::Job Executor::make_job(Run& run, int buffer) {
  const Materialization& wanted = run.materializations[buffer];
  const Buffer& into = *run.places.buffers[buffer];
  if (into.bytes().empty()) return {0, nullptr};
  if (const auto* random = std::get_if<nodes::Random>(&wanted.how)) {
    return {1, [this, random, &wanted, &into](TileRunner&, Scratch& scratch, std::int64_t) {
              draw(*random, wanted.desc, into, scratch);
              return ByteCounts{};
            }};
  }
  if (const auto* reduction = std::get_if<Materialization::Reduction>(&wanted.how))
    return reduction_job(run, *reduction, into);
  const auto* program = std::get_if<ProgramPtr>(&wanted.how);
  if (program == nullptr) {
    Job job = dense_job(run, wanted, run.places.map_made(buffer));
    job.maker = wanted.maker;
    return job;
  }
  run.places.prepare(**program);
  const std::int64_t elements = tile_elements(**program, options_, pool_.size());
  const auto fill = [&made = **program, elements, &into](TileRunner& runner, Scratch& scratch, std::int64_t index) {
    const std::int64_t begin = index * elements;
    const std::int64_t end = std::min(made.elements, begin + elements);
    const std::int64_t bytes = (end - begin) * made.item_bytes;
    fill_part(into, begin * made.item_bytes, bytes, scratch, [&](std::byte* to) { runner.run(made, begin, end, to); });
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  return {((*program)->elements + elements - 1) / elements, fill};
}

Executor::Job Executor::reduction_job(Run& run, const Materialization::Reduction& reduction, const Buffer& into) {
  run.places.prepare(*reduction.program);
  const auto task = std::make_shared<ReductionTask>(reduction, into);
  const auto take = [task](TileRunner& runner, Scratch& scratch, std::int64_t piece) {
    task->run(runner, scratch, piece);
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  return {.tiles = task->pieces(), .run = take, .looks = run.looks, .passes = reduction.passes};
}

Executor::Job Executor::dense_job(Run& run, const Materialization& wanted, std::span<std::byte> into) {
  const bool by_library = wanted.needs_libtorch;
  if (by_library) dense_.load();
  const auto operand = [&run](const Place& place, const TensorDesc& desc) {
    return DenseModule::Operand{run.places.map(place, byte_count(desc.dtype, desc.shape)).data(), desc};
  };
  const ByteCounts read{.read = read_bytes(wanted)};
  if (const auto* matmul = std::get_if<Materialization::Matmul>(&wanted.how)) {
    const auto a = operand(matmul->a, matmul->a_desc), b = operand(matmul->b, matmul->b_desc);
    return {1,
            [this, by_library, a, b, read, &wanted, into](TileRunner&, Scratch&, std::int64_t) {
              if (by_library) {
                dense_.matmul(a, b, into.data(), wanted.desc);
              } else {
                kernels::small_product({a.data, a.desc}, {b.data, b.desc}, into.data(), wanted.desc);
              }
              return read;
            },
            effort_bytes(wanted)};
  }
  const auto& factors = std::get<Materialization::SingularFactors>(wanted.how);
  const auto matrix = operand(factors.matrix, factors.matrix_desc);
  return {1,
          [this, by_library, matrix, exact = factors.exact, read, &wanted, into](TileRunner&, Scratch&, std::int64_t) {
            if (by_library) {
              dense_.singular_factors(matrix, exact, into.data(), wanted.desc);
            } else {
              kernels::small_singular_factors({matrix.data, matrix.desc}, into.data(), wanted.desc.shape[1]);
            }
            return read;
          },
          effort_bytes(wanted)};
}

void Executor::draw(const nodes::Random& random, const TensorDesc& desc, const Buffer& into, Scratch& scratch) const {
  const std::int64_t count = element_count(desc.shape);
  const std::int64_t item = item_size(desc.dtype);
  const auto in_pieces = [&](auto& stream) {
    const std::int64_t piece = std::max<std::int64_t>(1, options_.tile_bytes / item);
    for (std::int64_t begin = 0; begin < count; begin += piece) {
      throw_if_interrupted();
      const std::int64_t some = std::min(piece, count - begin);
      fill_part(into, begin * item, some * item, scratch, [&](std::byte* to) { stream.draw(desc.dtype, to, some); });
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

std::vector<std::byte> Executor::evaluate(const Expr& expr) { return evaluate(expr, false); }

std::vector<std::byte> Executor::evaluate(const Expr& expr, bool looks) {
  Compiler compiler({options_.fuse});
  const CompiledTensor tensor = compiler.compile(expr);
  Run run(compiler.materializations());
  run.looks = looks;
  require(run, tensor.needs);
  run.places.prepare(*tensor.program);
  std::vector<std::byte> result = take_memory(tensor.program->elements * tensor.program->item_bytes);
  const std::int64_t elements = tile_elements(*tensor.program, options_, pool_.size());
  const auto fill = [&](TileRunner& runner, Scratch&, std::int64_t index) {
    const std::int64_t begin = index * elements;
    runner.run(*tensor.program, begin, std::min(tensor.program->elements, begin + elements),
               result.data() + begin * tensor.program->item_bytes);
    return ByteCounts{.read = runner.take_read_bytes()};
  };
  Job job{(tensor.program->elements + elements - 1) / elements, fill};
  job.looks = looks;
  run_jobs({std::move(job)}, run.places);
  run.places.finish();
  return result;
}

}  // namespace brainsurgery
