#include "exec/tile_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "brainsurgery/error.h"
#include "exec/buffers.h"
#include "exec/made_by.h"
#include "exec/strided_range.h"
#include "kernels/kernels.h"
#include "types/box_read.h"

namespace brainsurgery {
namespace {

// A piece of a row of at least this many bytes is made where it belongs; shorter ones are made together and
// distributed.
constexpr std::int64_t kDirectRowBytes = 16 << 10;

}  // namespace

std::unique_ptr<Scratch::Block> Scratch::take(std::int64_t bytes) {
  const auto wanted = static_cast<std::size_t>(bytes + kCacheLine);
  std::vector<std::byte> memory;
  // The smallest that fits, else the largest, to be replaced: blocks of every size are there again for the next tile.
  const auto key = [wanted](const std::vector<std::byte>& block) {
    const bool fits = block.size() >= wanted;
    return std::pair(!fits, fits ? block.size() : std::numeric_limits<std::size_t>::max() - block.size());
  };
  if (const auto best = std::ranges::min_element(free_, {}, key); best != free_.end()) {
    memory = std::move(*best);
    free_.erase(best);
  }
  if (memory.size() < wanted) memory = take_memory(static_cast<std::int64_t>(wanted));
  return std::make_unique<Block>(*this, std::move(memory));
}

// One instruction of `program` on [begin, end).
struct RunInstruction {
  TileRunner& runner;
  const Program& program;
  const Instruction& instruction;
  std::int64_t begin, end;
  std::span<std::byte* const> values;  // of the instructions so far
  std::byte* out;

  [[nodiscard]] std::int64_t count() const { return end - begin; }
  [[nodiscard]] std::int64_t item() const { return item_size(instruction.dtype); }
  [[nodiscard]] DType dtype_of(int input) const { return program.code[input].dtype; }

  void count_read(const Place& place) const {
    if (std::holds_alternative<FilePlace>(place)) runner.read_bytes_ += count() * item();
  }

  void operator()(const ops::Load& op) const {
    count_read(op.place);
    runner.places_.read(op.place, begin * item(), {out, static_cast<std::size_t>(count() * item())});
  }
  void operator()(const ops::Gather& op) const {
    count_read(op.place);
    const auto memory = runner.places_.memory(op.place);
    std::byte* to = out;
    for_each_box(op.map, begin, end, [&](const StridedMap& box) {
      const std::vector<std::int64_t> packed = row_major_strides(box.shape);
      if (memory) {
        kernels::copy_strided(memory->data() + box.offset * item(), to, item(), {box.shape, box.strides, packed});
      } else {
        gather_read(op.place, box, to);
      }
      to += element_count(box.shape) * item();
    });
  }
  // Reads the elements of a box in the order of their place, and brings them into that of the result.
  void gather_read(const Place& place, const StridedMap& map, std::byte* to) const {
    const FileBox box{map.shape, map.strides, item()};
    const PackedBox read = packed_box(box);
    const auto block = runner.scratch_.take(read.bytes);
    const std::int64_t begin_bytes = map.offset * item();
    read_box(box, {block->data(), static_cast<std::size_t>(read.bytes)},
             [&](std::int64_t offset, std::span<std::byte> into) {
               runner.places_.read(place, begin_bytes + offset, into);
             });
    const std::vector<std::int64_t> packed = row_major_strides(box.shape);
    kernels::copy_strided(block->data(), to, item(), {box.shape, read.strides, packed});
  }
  void operator()(const ops::Draw& op) const {
    const auto of = static_cast<kernels::CounterDraws::Of>(op.random.distribution);  // enumerators in one order
    const kernels::CounterDraws draws{of, op.random.a, op.random.b, op.random.seed, *op.random.key};
    std::byte* to = out;
    for_each_box(op.map, begin, end, [&](const StridedMap& box) {
      for_each_run(box, [&](std::int64_t first, std::int64_t stride, std::int64_t n) {
        kernels::draw_at(draws, instruction.dtype, first, stride, to, n);
        to += n * item();
      });
    });
  }
  void operator()(const ops::Take& op) const {
    count_read(op.place);
    std::byte* to = out;
    const std::int64_t block = op.taken * op.inner;
    for (std::int64_t at = begin; at < end;) {
      const std::int64_t until = std::min(end, (at / block + 1) * block);
      take_rows(op, at / block, at % block, until - at, to);
      to += (until - at) * item();
      at = until;
    }
  }
  // Elements [first, first + n) of a block; rows that are neighbours at once.
  void take_rows(const ops::Take& op, std::int64_t block, std::int64_t first, std::int64_t n, std::byte* to) const {
    const std::int64_t row = first / op.inner, rows = (first + n - 1) / op.inner + 1 - row;
    const auto memory = runner.scratch_.take(rows * item_size(DType::I64));
    const auto* index = reinterpret_cast<const std::int64_t*>(memory->data());
    runner.places_.read(op.index, row * item_size(DType::I64),
                        {memory->data(), static_cast<std::size_t>(rows * item_size(DType::I64))});
    std::int64_t skipped = first % op.inner;
    for (std::int64_t i = 0, run = 1; i < rows; i += run) {
      if (index[i] < 0 || index[i] >= op.rows) refuse_index(op);
      for (run = 1; i + run < rows && index[i + run] == index[i] + run && index[i + run] < op.rows;) ++run;
      const std::int64_t elements = std::min(n, run * op.inner - skipped);
      const std::int64_t from = (block * op.rows + index[i]) * op.inner + skipped;
      runner.places_.read(op.place, from * item(), {to, static_cast<std::size_t>(elements * item())});
      to += elements * item();
      n -= elements;
      skipped = 0;
    }
  }
  // Names the first that is wrong, whoever finds one.
  [[noreturn]] void refuse_index(const ops::Take& op) const {
    for (std::int64_t i = 0;; ++i) {
      std::int64_t index = 0;
      runner.places_.read(op.index, i * item_size(DType::I64), std::as_writable_bytes(std::span(&index, 1)));
      if (index >= 0 && index < op.rows) continue;
      throw Error(ErrorCode::run, fmt::format("take: the index has {} at [{}], and there are {} to take from (0 to {})",
                                              index, i, op.rows, op.rows - 1));
    }
  }
  void operator()(const ops::Map& op) const {
    std::array<const void*, kMaxOperands> operands{};
    std::array<DType, kMaxOperands> dtypes{};
    const std::size_t size = op.inputs.size();
    for (std::size_t i = 0; i < size; ++i) {
      operands[i] = values[op.inputs[i]];
      dtypes[i] = dtype_of(op.inputs[i]);
    }
    if (op.counts_zeros) count_zeros(op);
    op.operation->run({std::span(operands).first(size), std::span(dtypes).first(size), op.parameters, instruction.dtype,
                       out, count()});
  }
  // Before the operation, whose result may take the place of an operand. A constant is looked at once.
  void count_zeros(const ops::Map& op) const {
    const int divisor = op.inputs[static_cast<std::size_t>(op.operation->divisor)];
    const bool is_one = is_constant(program.code[divisor]);
    const std::int64_t zeros = kernels::count_zeros(dtype_of(divisor), values[divisor], is_one ? 1 : count());
    runner.divisions_.add(instruction.maker, {is_one ? zeros * count() : zeros, count()});
  }
  void operator()(const ops::Join& op) const {
    std::int64_t row_length = 0;
    for (const std::int64_t length : op.lengths) row_length += length;
    const std::int64_t first_whole = (begin + row_length - 1) / row_length;
    const std::int64_t last_whole = end / row_length;
    if (first_whole >= last_whole || row_length * item() >= kDirectRowBytes * std::ssize(op.parts)) {
      join_direct(op, row_length, begin, end);
      return;
    }
    join_direct(op, row_length, begin, first_whole * row_length);
    join_rows(op, row_length, first_whole, last_whole);
    join_direct(op, row_length, last_whole * row_length, end);
  }
  // Piece by piece, each written where it belongs.
  void join_direct(const ops::Join& op, std::int64_t row_length, std::int64_t from, std::int64_t until) const {
    while (from < until) {
      const std::int64_t row = from / row_length;
      std::int64_t piece_begin = row * row_length;
      for (std::size_t i = 0; i < op.parts.size() && from < until; ++i) {
        const std::int64_t piece_end = piece_begin + op.lengths[i];
        if (from < piece_end) {
          const std::int64_t stop = std::min(until, piece_end);
          const std::int64_t shift = row * op.lengths[i] - piece_begin;
          runner.run(*op.parts[i], from + shift, stop + shift, out + (from - begin) * item());
          from = stop;
        }
        piece_begin = piece_end;
      }
    }
  }
  // All pieces that whole rows take from one part at once, then distributed.
  void join_rows(const ops::Join& op, std::int64_t row_length, std::int64_t first, std::int64_t last) const {
    const std::int64_t rows = last - first;
    std::byte* row_start = out + (first * row_length - begin) * item();
    for (std::size_t i = 0; i < op.parts.size(); ++i) {
      const std::int64_t length = op.lengths[i];
      const auto block = runner.scratch_.take(rows * length * item());
      runner.run(*op.parts[i], first * length, last * length, block->data());
      const Shape shape{rows, length};
      const std::vector<std::int64_t> from_strides{length, 1}, to_strides{row_length, 1};
      kernels::copy_strided(block->data(), row_start, item(), {shape, from_strides, to_strides});
      row_start += length * item();
    }
  }
  void operator()(const ops::Patch& op) const {
    if (values[op.input] != out) std::memcpy(out, values[op.input], static_cast<std::size_t>(count() * item()));
    const std::int64_t first = first_at_or_after(op.map, begin);
    const std::int64_t last = first_at_or_after(op.map, end);
    if (first >= last) return;
    const auto block = runner.scratch_.take((last - first) * item());
    runner.run(*op.value, first, last, block->data());
    const std::byte* from = block->data();
    for_each_box(op.map, first, last, [&](const StridedMap& box) {
      const std::vector<std::int64_t> packed = row_major_strides(box.shape);
      kernels::copy_strided(from, out + (box.offset - begin) * item(), item(), {box.shape, packed, box.strides});
      from += element_count(box.shape) * item();
    });
  }
};

void TileRunner::run(const Program& program, std::int64_t begin, std::int64_t end, std::byte* out, TapReader* reader) {
  if (begin >= end) return;
  const std::int64_t block = program.in_blocks ? std::min(kBlockElements, end - begin) : end - begin;
  std::vector<std::unique_ptr<Scratch::Block>> slots;
  for (int i = 0; i < program.slots; ++i)
    slots.push_back(
        scratch_.take(i < program.tile_slots ? (end - begin) * program.tile_item : block * program.widest_item));
  const std::size_t size = program.code.size();
  std::vector<std::byte*> values(size);
  const auto place = [&](std::size_t i, std::int64_t at) {
    const Instruction& instruction = program.code[i];
    const bool whole = instruction.slot < program.tile_slots;  // the result too
    std::byte* base = instruction.slot == kResultSlot ? out : slots[instruction.slot]->data();
    values[i] = base + (whole ? (at - begin) * item_size(instruction.dtype) : 0);
  };
  const auto run_one = [&](std::size_t i, std::int64_t from, std::int64_t until) {
    const Instruction& instruction = program.code[i];
    try {
      std::visit(RunInstruction{*this, program, instruction, from, until, values, values[i]}, instruction.op);
    } catch (const Error& error) {
      throw made_by(error, instruction.maker);
    }
  };
  std::vector<std::size_t> sources, others;
  for (std::size_t i = 0; i < size; ++i) (is_source(program.code[i]) ? sources : others).push_back(i);
  for (const std::size_t i : sources) {
    place(i, begin);
    run_one(i, begin, end);
  }
  const bool taps = reader != nullptr && !program.taps.empty() && program.result >= 0;
  const auto look = [&](const Tap& tap, std::int64_t first, std::int64_t count) {
    std::array<const void*, kMaxOperands> operands{};
    for (std::size_t k = 0; k < tap.operands.size(); ++k) operands[k] = values[static_cast<std::size_t>(tap.operands[k])];
    reader->take(tap, std::span(operands).first(tap.operands.size()), first, count);
  };
  const auto look_after = [&](std::size_t i, std::int64_t first, std::int64_t count) {
    for (const Tap& tap : program.taps) {
      if (std::cmp_equal(tap.after, i)) look(tap, first, count);
    }
  };
  if (others.empty() && !taps && program.result >= 0) return;
  for (std::int64_t at = begin; at < end; at += block) {
    const std::int64_t until = std::min(end, at + block);
    if (at == begin + block) {  // the first block is the longest
      std::erase_if(others, [&program](std::size_t i) {
        const auto is_looked_at = [i](const Tap& tap) {
          return std::ranges::find(tap.operands, static_cast<int>(i)) != tap.operands.end();
        };
        return std::cmp_not_equal(i, program.result) && is_constant(program.code[i]) &&
               std::ranges::none_of(program.taps, is_looked_at);
      });
    }
    for (std::size_t i = 0; i < size; ++i) place(i, at);
    if (taps) {
      for (const std::size_t i : sources) look_after(i, at, until - at);
    }
    for (const std::size_t i : others) {
      run_one(i, at, until);
      if (taps) look_after(i, at, until - at);
    }
  }
  if (reader == nullptr || program.result >= 0) return;
  for (std::size_t i = 0; i < size; ++i) place(i, begin);
  for (const Tap& tap : program.taps) look(tap, begin, end - begin);
}

}  // namespace brainsurgery
