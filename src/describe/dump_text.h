// A set of tensors as a tree of the segments of their names.
//
//   dump_lines(DumpLayout::compact, "model", tensors);
//     └── model
//         ├── h
//         │   └── [0-11]
//         │       └── w  shape=[2, 3]
//         └── ln  shape=[3]
//
// Names are split at dots. A segment of digits is an index: indices come first and in order of their value, words in
// the order of the names. A tensor whose name is the beginning of another's stands on the line of the branch. What
// follows the hundredth segment of a name is taken as one. Time and memory grow with the length of the names and of the
// result, not with the indices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "describe/tensor_text.h"

namespace brainsurgery {

enum class DumpLayout : std::uint8_t {
  tree,
  compact,  // consecutive indices with equal content are one branch, [a-b]
  // One line. A branch of indices alone is a list, null where an index is missing, unless most of it would be; any
  // other is an object, sorted by key. A tensor that is also a branch is an object with the members of both; a child
  // that would hide a member of the tensor has a dot before its key.
  json,
};

// The lines without ends of line; names are as they are, for the caller to escape. All tensors have the same verbosity,
// no two one name. `root`: the alias that stands above them all.
[[nodiscard]] std::vector<std::string> dump_lines(DumpLayout layout, std::optional<std::string_view> root,
                                                  std::span<const DumpedTensor> tensors);

}  // namespace brainsurgery
