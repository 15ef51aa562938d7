// What the groups or variables of a name pattern matched.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace brainsurgery {

// Views point into the name that was matched.
struct Capture {
  std::string_view text;      // a sequence: its segments with the dots between them
  bool set = false;           // false: the group did not take part
  std::int32_t segments = 1;  // sequences of structured patterns: how many, may be 0
};
// [0] is the whole name; then the groups of a regular expression, or the variables of a structured pattern in the order
// of their first use.
using Captures = std::vector<Capture>;

}  // namespace brainsurgery
