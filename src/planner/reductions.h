// What the planner knows of reductions: the order in which they take elements, and what they cost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "planner/program.h"

namespace brainsurgery {

// The dimensions of a tensor in an order in which those that are reduced are neighbours. Others that stand before all
// of them stay there, and the last dimension stays last, so that neighbours in a file stay neighbours.
struct ReductionOrder {
  std::vector<int> axes;
  ReductionShape shape;
};
// `axes`: increasing.
// `by_rows`: the last dimension is among those that are reduced, or of size 1.
[[nodiscard]] ReductionOrder reduction_order(const Shape& shape, const std::vector<int>& axes, bool by_rows = false);
[[nodiscard]] ReductionGrid grid_of(const Materialization::Reduction& reduction);
// Whether the blocks of a result are added to states that any piece may take up, and not each to its own.
[[nodiscard]] bool has_states_by_thread(const Materialization::Reduction& reduction);

// One use of a reducer, as its functions want it. It points into both arguments.
[[nodiscard]] Reducer::Use use_of(const Materialization::Reduction& reduction,
                                  const Materialization::Reduction::Result& result);
// Words of 8 bytes of the states that one result of every reducer takes.
[[nodiscard]] std::int64_t state_words(const Materialization::Reduction& reduction);
// How many numbers one result of a reducer is.
[[nodiscard]] std::int64_t numbers_of(const Materialization::Reduction::Result& result);
// Of all states that exist at one time beside those of the pieces at hand.
[[nodiscard]] std::int64_t state_bytes(const Materialization::Reduction& reduction);
// What a piece takes. `in_files`: see scratch_bytes.
[[nodiscard]] std::int64_t piece_bytes(const Materialization::Reduction& reduction, const std::vector<bool>& in_files);

// "sum, max of [1, 100, 1]: %0 = load ...".
[[nodiscard]] std::string to_string(const Materialization::Reduction& reduction);

}  // namespace brainsurgery
