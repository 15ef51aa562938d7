#include "exec/reduction_task.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "kernels/joint_sums.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kWord = 8;

}  // namespace

ReductionTask::ReductionTask(const Materialization::Reduction& reduction, const Buffer& into)
    : reduction_(reduction),
      into_(into),
      grid_(grid_of(reduction)),
      words_(state_words(reduction)),
      left_(grid_.pieces()) {
  std::int64_t words = 0, kept = 0;
  for (const Result& result : reduction.results) {
    words_before_.push_back(words);
    words += result.reducer->words(use_of(reduction, result));
    kept += result.reducer->passes.kept;
  }
  if (reduction.passes > 1) kept_ = take_memory(kept * reduction.shape.results() * kWord);
  join_sums();
}

void ReductionTask::join_sums() {
  together_.resize(reduction_.results.size());
  std::map<std::vector<int>, std::map<kernels::JointSum, int>> sums;  // by operands
  std::map<std::vector<int>, int> first;
  for (const Tap& tap : reduction_.program->taps) {
    const Result& result = reduction_.results[static_cast<std::size_t>(tap.number)];
    const auto sum = kernels::joint_sum(*result.reducer, use_of(reduction_, result));
    const bool joins = sum && sums[tap.operands].emplace(*sum, tap.number).second;
    const int leader = joins ? first.emplace(tap.operands, tap.number).first->second : tap.number;
    together_[static_cast<std::size_t>(leader)].push_back(tap.number);
  }
}

template <typename Visit>
void ReductionTask::for_each_result(const Visit& visit) const {
  for (std::size_t i = 0; i < reduction_.results.size(); ++i) {
    const Result& result = reduction_.results[i];
    visit(result, use_of(reduction_, result), words_before_[i]);
  }
}

template <typename Move>
void ReductionTask::for_each_kept(const Part& part, const Move& move) const {
  std::int64_t before = 0;
  for_each_result([&](const Result& result, const Reducer::Use&, std::int64_t words) {
    for (std::int64_t word = 0; word < result.reducer->passes.kept; ++word, ++before) {
      move(part.states + (words + word) * part.stride * kWord, (before * grid_.shape().results() + part.first) * kWord,
           static_cast<std::size_t>(part.count * kWord));
    }
  });
}

void ReductionTask::start(const Part& part) const {
  for_each_result([&](const Result& result, const Reducer::Use& use, std::int64_t words) {
    result.reducer->start(use, {part.states + words * part.stride * kWord, part.stride, part.count});
  });
  if (pass_ == 0) return;
  for_each_kept(part, [this](std::byte* state, std::int64_t offset, std::size_t bytes) {
    std::memcpy(state, kept_.data() + offset, bytes);
  });
}

// Of states that have seen all their elements in this pass.
void ReductionTask::end(const Part& part, Scratch& scratch) {
  if (is_last_pass()) return finish(part, scratch);
  for_each_result([&](const Result& result, const Reducer::Use& use, std::int64_t words) {
    result.reducer->passes.next(use, {part.states + words * part.stride * kWord, part.stride, part.count});
  });
  for_each_kept(part, [this](const std::byte* state, std::int64_t offset, std::size_t bytes) {
    std::memcpy(kept_.data() + offset, state, bytes);
  });
}

void ReductionTask::finish(const Part& part, Scratch& scratch) const {
  for_each_result([&](const Result& result, const Reducer::Use& use, std::int64_t words) {
    const std::int64_t item = numbers_of(result) * item_size(result.dtype);
    const auto numbers = scratch.take(part.count * item);
    result.reducer->finish(use, {part.states + words * part.stride * kWord, part.stride, part.count}, numbers->data());
    into_.write(result.offset + part.first * item, {numbers->data(), static_cast<std::size_t>(part.count * item)});
  });
}

// Of the only number of each reducer: what one block knows is true of all.
bool ReductionTask::is_settled(std::byte* states, std::int64_t stride) const {
  if (grid_.shape().results() > 1) return false;
  bool all = true;
  for_each_result([&](const Result& result, const Reducer::Use& use, std::int64_t words) {
    all = all && result.reducer->settled != nullptr &&
          result.reducer->settled(use, {states + words * stride * kWord, stride, 1});
  });
  return all;
}

// The memory exists while pieces of the reduction are at work, not from the beginning of its stage.
std::byte* ReductionTask::states_of_block(std::int64_t block) {
  const std::int64_t bytes = grid_.shape().results() * words_ * kWord;
  const std::scoped_lock lock(mutex_);
  if (states_.empty()) states_ = take_memory(grid_.blocks() * bytes);
  return states_.data() + block * bytes;
}

// States of all results that pieces have been added to, or new ones. There are as many as threads.
std::vector<std::byte> ReductionTask::take_states() {
  {
    const std::scoped_lock lock(mutex_);
    if (!spare_.empty()) {
      std::vector<std::byte> states = std::move(spare_.back());
      spare_.pop_back();
      return states;
    }
  }
  const std::int64_t results = grid_.shape().results();
  std::vector<std::byte> states = take_memory(results * words_ * kWord);
  start({states.data(), results, results, 0});
  return states;
}

void ReductionTask::put_back(std::vector<std::byte> states) {
  const std::scoped_lock lock(mutex_);
  spare_.push_back(std::move(states));
}

void ReductionTask::run(TileRunner& runner, Scratch& scratch, std::int64_t number) {
  const ReductionPiece piece = grid_.piece(number);
  const std::int64_t results = piece.results(), all = grid_.shape().results();
  const std::int64_t first = piece.outer * grid_.shape().inner + piece.column;
  const bool is_whole = grid_.blocks() == 1;
  if (is_whole) {
    const auto own = scratch.take(results * words_ * kWord);
    const Part part{own->data(), results, results, first};
    start(part);
    add_piece(runner, piece, part.states, part.stride);
    end(part, scratch);
  } else if (has_states_by_thread(reduction_)) {
    std::vector<std::byte> states = take_states();
    add_piece(runner, piece, states.data() + first * kWord, all);
    put_back(std::move(states));
  } else {
    const Part part{states_of_block(piece.block) + first * kWord, all, results, first};
    start(part);
    add_piece(runner, piece, part.states, part.stride);
  }
  if (--left_ > 0) return;
  if (!is_whole) merge_blocks(scratch);
  ++pass_;
  left_ = grid_.pieces();
}

void ReductionTask::add_piece(TileRunner& runner, const ReductionPiece& piece, std::byte* states,
                              std::int64_t stride) {
  const std::int64_t outers = grid_.chunk_outers(piece), rows = grid_.chunk_rows(piece);
  for (std::int64_t outer = 0; outer < piece.outers; outer += outers) {
    for (std::int64_t at = 0; at < piece.count && !settled_; at += rows) {
      const Chunk chunk{piece.outer + outer, std::min(outers, piece.outers - outer), piece.first + at,
                        std::min(rows, piece.count - at)};
      add_chunk(runner, piece, chunk, states + outer * piece.columns * kWord, stride);
      if (is_settled(states, stride)) settled_ = true;
    }
  }
}

// Adds what passes by to states: a box whose number of results is `outer` * `inner`.
struct ReductionTask::Adder final : TapReader {
  Adder(const ReductionTask& of, std::byte* to, std::int64_t apart) : task(of), states(to), stride(apart) {}

  void take(const Tap& tap, std::span<const void* const> operands, std::int64_t at, std::int64_t elements) override {
    const std::vector<int>& together = task.together_[static_cast<std::size_t>(tap.number)];
    const ReductionShape& shape = task.grid_.shape();
    const Reducer::Range range{operands, outer, elements / (outer * inner), inner, at / shape.inner % shape.reduced};
    if (together.size() == 1) {
      const auto [reducer, use, to] = part(together.front());
      reducer->add(use, range, to);
    } else if (!together.empty()) {
      std::vector<kernels::JointPart> parts;
      for (const int number : together) parts.push_back(part(number));
      kernels::add_jointly(parts, range);
    }
  }

  [[nodiscard]] kernels::JointPart part(int result_number) const {
    const auto number = static_cast<std::size_t>(result_number);
    const Result& result = task.reduction_.results[number];
    return {result.reducer, use_of(task.reduction_, result),
            {states + task.words_before_[number] * stride * kWord, stride, outer * inner}};
  }

  const ReductionTask& task;
  std::byte* states;
  std::int64_t stride;
  std::int64_t outer = 1, inner = 1;
};

// The elements of a chunk are neighbours, unless the piece takes a part of the columns.
void ReductionTask::add_chunk(TileRunner& runner, const ReductionPiece& piece, const Chunk& chunk, std::byte* states,
                              std::int64_t stride) const {
  const Program& program = *reduction_.program;
  const ReductionShape& shape = grid_.shape();
  Adder adder(*this, states, stride);
  adder.outer = chunk.outers;
  adder.inner = piece.columns;
  const bool is_one_range = piece.columns == shape.inner;
  const std::int64_t ranges = is_one_range ? 1 : chunk.count;
  const std::int64_t length = chunk.outers * chunk.count * piece.columns / ranges;
  for (std::int64_t i = 0; i < ranges; ++i) {
    const std::int64_t begin = (chunk.outer * shape.reduced + chunk.first + i) * shape.inner + piece.column;
    runner.run(program, begin, begin + length, nullptr, &adder);
  }
}

void ReductionTask::merge_blocks(Scratch& scratch) {
  const std::int64_t results = grid_.shape().results();
  std::vector<std::byte*> parts;
  for (std::vector<std::byte>& states : spare_) parts.push_back(states.data());
  for (std::int64_t block = 0; spare_.empty() && block < grid_.blocks(); ++block) parts.push_back(states_of_block(block));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    for_each_result([&](const Result& result, const Reducer::Use& use, std::int64_t words) {
      const std::int64_t offset = words * results * kWord;
      result.reducer->merge(use, {parts[0] + offset, results, results}, {parts[i] + offset, results, results});
    });
  }
  end({parts[0], results, results, 0}, scratch);
  states_ = {};
  spare_.clear();
}

}  // namespace brainsurgery
