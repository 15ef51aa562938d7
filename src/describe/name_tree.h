// Names split at dots and put together to a tree.
//
//   Branch root = name_tree(tensors);     // "h.0.w", "h.1.w", "s"
//   root.children[0].label                // "h"
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "describe/tensor_text.h"

namespace brainsurgery {

// A segment of names, with all names that have it at this place. Views into the tensors that the tree was made of.
struct Branch {
  std::string_view label;
  std::optional<std::int64_t> index;     // of a segment of digits
  const DumpedTensor* tensor = nullptr;  // the one whose name ends here
  std::vector<Branch> children;          // indices in order of value, then words in order of their first names
};

// No branch is deeper than this: what follows in a name is one segment.
inline constexpr int kDeepestBranch = 100;

[[nodiscard]] Branch name_tree(std::span<const DumpedTensor> tensors);

}  // namespace brainsurgery
