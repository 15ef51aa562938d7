// Sums of the same elements that are found in one go through them: that of `sum` and `mean`, the squares of `norm` of
// order 2, and what `var` and `std` need. Reading and converting the elements takes most of the time of each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "brainsurgery/reducer.h"

namespace brainsurgery::kernels {

enum class JointSum : std::uint8_t { sum, squares, spread };

// Which of them the reducer adds up; nullopt: none.
[[nodiscard]] std::optional<JointSum> joint_sum(const Reducer& reducer, const Reducer::Use& use);

struct JointPart {
  const Reducer* reducer;
  Reducer::Use use;
  Reducer::States states;
};
// Adds the range to all states, with the bits of adding to each alone. The parts have one operand and are different
// sums.
void add_jointly(std::span<const JointPart> parts, const Reducer::Range& range);

}  // namespace brainsurgery::kernels
