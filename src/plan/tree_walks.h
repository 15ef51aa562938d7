// Questions to a whole tree of values, for interpolation. Pure; may be called from several threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// A value that a plan leaves to whoever uses it.
inline constexpr std::string_view kMissingValue = "???";

// Whether a text below `node` has an interpolation, or is missing.
[[nodiscard]] bool holds_interpolation(const YamlNode& node);

// The nodes that a walk visits, at most `limit`.
[[nodiscard]] std::int64_t count_nodes(const YamlNode& node, std::int64_t limit);

// Whether a list below `node` has the token of a capture of that name.
[[nodiscard]] bool captures(const YamlNode& node, std::string_view name);

// The mistakes of unexplained names below `node`, in the order of the text. They live as long as the tree.
void collect_mistakes(const YamlNode& node, std::vector<const Diagnostic*>& into);

}  // namespace brainsurgery
