// Which program counts the zeros that a tensor is divided by, where several make the same elements.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "brainsurgery/expr.h"
#include "planner/view.h"

namespace brainsurgery {

// Whether a zero among the divisors leaves its mark, and ends nothing: the result is infinite or NaN.
[[nodiscard]] inline bool divides_floats(const nodes::Map& node) {
  const int divisor = node.operation->divisor;
  return divisor >= 0 && is_floating(node.parts[static_cast<std::size_t>(divisor)].dtype());
}

class CountedDivisions {
 public:
  // Whether nobody has claimed this part of the division before.
  [[nodiscard]] bool claim(const Expr& division, const View& part) {
    Claimed& claimed = claimed_[division.get()];
    claimed.division = division;
    if (std::ranges::find(claimed.parts, part) != claimed.parts.end()) return false;
    claimed.parts.push_back(part);
    return true;
  }

 private:
  struct Claimed {
    Expr division;  // keeps the node alive
    std::vector<View> parts;
  };
  std::unordered_map<const Node*, Claimed> claimed_;
};

}  // namespace brainsurgery
