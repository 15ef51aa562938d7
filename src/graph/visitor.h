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

// Whether every element of the result depends only on the operands' elements at the same row-major position.
[[nodiscard]] inline bool is_elementwise(const Node& node) {
  return std::holds_alternative<nodes::Map>(node.kind()) || std::holds_alternative<nodes::Reshape>(node.kind());
}

}  // namespace brainsurgery
