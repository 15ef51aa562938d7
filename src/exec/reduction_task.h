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
  // `tiles`: by operand, how many elements its program makes at a time. Both references must outlive it.
  ReductionTask(const Materialization::Reduction& reduction, std::vector<std::int64_t> tiles, const Buffer& into);

  [[nodiscard]] std::int64_t pieces() const { return grid_.pieces(); }
  // Each number once, in any order and on several threads. After the last one the buffer is filled.
  void run(TileRunner& runner, Scratch& scratch, std::int64_t number);

 private:
  using Result = Materialization::Reduction::Result;

  // The part of a piece that is added to states at a time.
  struct Chunk {
    std::int64_t outer, outers, first, count;
  };

  void add_chunk(TileRunner& runner, Scratch& scratch, const ReductionPiece& piece, const Chunk& chunk,
                 std::byte* states, std::int64_t stride);
  void load(TileRunner& runner, std::size_t operand, const ReductionPiece& piece, const Chunk& chunk,
            std::byte* out) const;
  // Calls visit(result, use, words of the results before).
  template <typename Visit>
  void for_each_result(const Visit& visit) const;
  void start(std::byte* states, std::int64_t stride, std::int64_t count) const;
  void finish(std::byte* states, std::int64_t stride, std::int64_t count, std::int64_t first, Scratch& scratch) const;
  [[nodiscard]] std::byte* states_of_block(std::int64_t block);
  void merge_blocks(Scratch& scratch);

  const Materialization::Reduction& reduction_;
  std::vector<std::int64_t> tiles_;
  const Buffer& into_;
  ReductionGrid grid_;
  std::vector<DType> dtypes_;
  std::int64_t words_;
  std::once_flag begun_;
  std::vector<std::byte> states_;  // of all blocks, if there are several
  std::atomic<std::int64_t> left_;
};

}  // namespace brainsurgery
