// A reduction while it is performed, piece by piece on any worker.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "exec/buffers.h"
#include "exec/tile_runner.h"
#include "planner/reductions.h"

namespace brainsurgery {

class ReductionTask {
 public:
  // Both references must outlive it.
  ReductionTask(const Materialization::Reduction& reduction, const Buffer& into);

  [[nodiscard]] std::int64_t pieces() const { return grid_.pieces(); }
  // Each number once in every pass, in any order and on several threads. After the last pass the buffer is filled.
  void run(TileRunner& runner, Scratch& scratch, std::int64_t number);

 private:
  using Result = Materialization::Reduction::Result;

  // The part of a piece that is added to states at a time.
  struct Chunk {
    std::int64_t outer, outers, first, count;
  };

  struct Adder;

  // Which results are added to together, each by the first of them.
  void join_sums();

  void add_chunk(TileRunner& runner, const ReductionPiece& piece, const Chunk& chunk, std::byte* states,
                 std::int64_t stride) const;
  // Calls visit(result, use, words of the results before).
  template <typename Visit>
  void for_each_result(const Visit& visit) const;
  // Of results number [first, first + count) of every reducer.
  struct Part {
    std::byte* states;
    std::int64_t stride, count, first;
  };
  void start(const Part& part) const;
  void end(const Part& part, Scratch& scratch);
  void finish(const Part& part, Scratch& scratch) const;
  // The words that go from pass to pass.
  template <typename Move>
  void for_each_kept(const Part& part, const Move& move) const;
  [[nodiscard]] bool is_last_pass() const { return pass_ + 1 == reduction_.passes; }
  [[nodiscard]] bool is_settled(std::byte* states, std::int64_t stride) const;
  [[nodiscard]] std::byte* states_of_block(std::int64_t block);
  [[nodiscard]] std::vector<std::byte> take_states();
  void put_back(std::vector<std::byte> states);
  void add_piece(TileRunner& runner, const ReductionPiece& piece, std::byte* states, std::int64_t stride);
  void merge_blocks(Scratch& scratch);

  const Materialization::Reduction& reduction_;
  const Buffer& into_;
  ReductionGrid grid_;
  std::vector<std::int64_t> words_before_;  // of the states of the results before, by result
  std::int64_t words_;
  std::vector<std::vector<int>> together_;  // by result: those that it is added to with; empty: another does it
  std::mutex mutex_;
  std::vector<std::byte> states_;         // of all blocks, if there are several and each has its own
  std::vector<std::vector<std::byte>> spare_;  // else: that no piece works on
  std::vector<std::byte> kept_;           // after the first of several passes
  int pass_ = 0;                          // changes when no piece is at work
  std::atomic<std::int64_t> left_;        // pieces of the pass
  std::atomic<bool> settled_ = false;     // no further elements need be looked at
};

}  // namespace brainsurgery
