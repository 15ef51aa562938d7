#include "planner/reductions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "planner/program_costs.h"

namespace brainsurgery {

ReductionOrder reduction_order(const Shape& shape, const std::vector<int>& axes, bool by_rows) {
  const int rank = static_cast<int>(shape.size());
  const auto is_reduced = [&](int axis) { return std::ranges::binary_search(axes, axis); };
  std::vector<int> before, reduced, behind;
  for (int axis = 0; axis < rank; ++axis) {
    if (is_reduced(axis)) {
      reduced.push_back(axis);
    } else {
      (reduced.empty() ? before : behind).push_back(axis);
    }
  }
  // Where the last dimension disappears, all results stand before the elements that make one.
  if (by_rows || (rank > 0 && is_reduced(rank - 1))) {
    std::ranges::copy(behind, std::back_inserter(before));
    behind.clear();
  }
  ReductionOrder order;
  const auto append = [&](const std::vector<int>& some) {
    std::int64_t size = 1;
    for (const int axis : some) {
      order.axes.push_back(axis);
      size *= shape[axis];
    }
    return size;
  };
  order.shape.outer = append(before);
  order.shape.reduced = append(reduced);
  order.shape.inner = append(behind);
  return order;
}

Reducer::Use use_of(const Materialization::Reduction& reduction, const Materialization::Reduction::Result& result) {
  return {result.operands, result.parameters, result.dtype, reduction.shape.reduced};
}

// Large states are few: rows are cut where those of all results are small enough to be had once a thread.
ReductionGrid grid_of(const Materialization::Reduction& reduction) {
  ReductionLimits limits;
  if (!reduction.by_rows) return ReductionGrid(reduction.shape, limits);
  constexpr std::int64_t kPieceWords = 1 << 20;
  limits.chunk = Reducer::kWholeRow;
  limits.piece_states = kPieceWords / std::max<std::int64_t>(1, state_words(reduction));
  const bool is_cut = reduction.shape.results() <= limits.piece_states && reduction.shape.reduced > Reducer::kWholeRow;
  limits.most_states = is_cut ? std::numeric_limits<std::int64_t>::max() : 0;
  return ReductionGrid(reduction.shape, limits);
}

bool has_states_by_thread(const Materialization::Reduction& reduction) {
  return reduction.by_rows && grid_of(reduction).blocks() > 1;
}

std::int64_t numbers_of(const Materialization::Reduction::Result& result) {
  return result.reducer->numbers == nullptr ? 1 : result.reducer->numbers(result.parameters);
}

std::int64_t state_words(const Materialization::Reduction& reduction) {
  std::int64_t words = 0;
  for (const auto& result : reduction.results) words += result.reducer->words(use_of(reduction, result));
  return words;
}

std::int64_t state_bytes(const Materialization::Reduction& reduction) {
  const ReductionGrid grid = grid_of(reduction);
  const bool has_blocks = grid.blocks() > 1 && !reduction.by_rows;
  std::int64_t words = has_blocks ? grid.blocks() * state_words(reduction) : 0;
  if (reduction.passes > 1) {
    for (const auto& result : reduction.results) words += result.reducer->passes.kept;
  }
  return words * reduction.shape.results() * 8;
}

std::int64_t piece_bytes(const Materialization::Reduction& reduction, const std::vector<bool>& in_files) {
  const ReductionGrid grid = grid_of(reduction);
  std::int64_t bytes = scratch_bytes(*reduction.program, grid.chunk_elements(), in_files);
  constexpr std::int64_t kLeastKey = 4;  // those of rows are partitioned beside the operand
  if (reduction.by_rows) bytes += grid.chunk_elements() * std::max(kLeastKey, reduction.program->widest_item);
  if (has_states_by_thread(reduction)) return bytes + reduction.shape.results() * state_words(reduction) * 8;
  if (grid.blocks() > 1) return bytes;
  std::int64_t words = state_words(reduction);
  for (const auto& result : reduction.results) words += numbers_of(result);
  return bytes + grid.piece_results() * words * 8;
}

std::string to_string(const Materialization::Reduction& reduction) {
  const Program& program = *reduction.program;
  const bool is_one = std::ranges::all_of(
      program.taps, [&program](const Tap& tap) { return tap.operands == program.taps.front().operands; });
  std::string text;
  for (std::size_t i = 0; i < reduction.results.size(); ++i) {
    const auto& result = reduction.results[i];
    text += (text.empty() ? "" : ", ") + describe(*result.reducer, result.parameters);
    if (!is_one) text += fmt::format(" %{}", fmt::join(program.taps[i].operands, " %"));
  }
  const ReductionShape& shape = reduction.shape;
  return text + fmt::format(" of [{}, {}, {}]: {}", shape.outer, shape.reduced, shape.inner, to_string(program));
}

}  // namespace brainsurgery
