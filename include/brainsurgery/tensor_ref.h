// References to tensors as plans write them: `alias::expr::[slice]`, or a list of name segments.
//
//   TensorRef ref = parse_tensor_ref(node, "copy.from", /*has_default_alias=*/true);
//   ref.alias;                // nullopt: the default alias
//   to_string(ref);           // "ft::h\.(\d+)::[0:2]"
//
// What `expr` means (pattern, template, literal name) is for the caller to know; name_pattern.h compiles it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

class YamlNode;

struct TensorRef {
  std::optional<std::string> alias;  // nullopt: the plan's default alias
  bool structured = false;           // written as a list, or a pattern as a dotted name: plan/dotted_name.h
  std::string expr;                  // the part that names tensors; empty if written as a list
  std::vector<std::string> tokens;   // the list's entries, none of them empty; empty unless structured
  std::optional<Slice> slice;        // never of a list
  SourceSpan span;
  std::string text;  // as written; for a list "[a, $b]"
};

// `field` ("copy.from") starts every message. Whether a default alias exists decides how `x::[0]` is read: a slice of x
// with one, the name `[0]` of alias x without. Throws Error(plan) at the node's place: not a text or list, empty, too
// many parts, a malformed slice, an alias missing where there is no default, list entries that are no texts.
[[nodiscard]] TensorRef parse_tensor_ref(const YamlNode& node, std::string_view field, bool has_default_alias);
// The same from text, for references that are not YAML values.
[[nodiscard]] TensorRef parse_tensor_ref(std::string_view text, const SourceSpan& span, std::string_view field,
                                         bool has_default_alias);

// "alias::expr::[slice]" or "alias::[a, $b]"; without the alias where it is the default.
[[nodiscard]] std::string to_string(const TensorRef& ref);

}  // namespace brainsurgery
