// Looking at expression nodes by kind.
#pragma once

#include <string_view>
#include <variant>

#include "brainsurgery/expr.h"

namespace brainsurgery {

// "source", "slice", ... as src/graph/nodes.def lists them.
[[nodiscard]] std::string_view kind_name(const Node& node);

// The node as a `Kind`, or nullptr: as<nodes::Slice>(expr).
template <typename Kind>
[[nodiscard]] const Kind* as(const Expr& expr) {
  return std::get_if<Kind>(&expr.node().kind());
}

// Whether the elements of the result are those of `base`, element by element at the same row-major position.
[[nodiscard]] inline bool is_elementwise(const Node& node) {
  return std::holds_alternative<nodes::Cast>(node.kind()) || std::holds_alternative<nodes::Scale>(node.kind()) ||
         std::holds_alternative<nodes::Clamp>(node.kind()) || std::holds_alternative<nodes::Binary>(node.kind()) ||
         std::holds_alternative<nodes::Reshape>(node.kind());
}

}  // namespace brainsurgery
