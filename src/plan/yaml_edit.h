// Trees made from trees. Nodes never change: what is new stands on the way to the edit, the rest is shared.
//
//   root = merge_yaml(root, second_file);
//   Assignment assignment = parse_assignment(argument);          // transforms[0].copy.to=x
//   root = with_assignment(root, assignment);
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// Mappings are merged key by key and lists place by place, where a null in the patch keeps the base's entry; otherwise
// the patch replaces. Keys of the base come first. Throws Error(plan) beyond kMaxYamlDepth.
[[nodiscard]] YamlPtr merge_yaml(const YamlPtr& base, const YamlPtr& patch);

// A step of a path: a key of a mapping or an index of a list.
using PathStep = std::variant<std::string, std::size_t>;

struct Assignment {
  std::vector<PathStep> path;     // starts with a key
  std::vector<SourceSpan> spans;  // of the steps of the path
  YamlPtr value;                  // untyped
};

// `key.path[0]=value`. Keys hold anything but dots, blanks and brackets; `a.0` is the key "0". Throws Error(plan) at
// its place.
[[nodiscard]] Assignment parse_assignment(const std::shared_ptr<const SourceText>& argument);

// Sets one value. What stands on the path and is no mapping (or list, before an index) is replaced; a list grows by
// nulls, by at most a thousand. Throws Error(plan) beyond that and beyond kMaxYamlDepth.
[[nodiscard]] YamlPtr with_assignment(const YamlPtr& root, const Assignment& assignment);

// Adds an entry to the list below a key of a mapping. A single value stands for a list of itself, null or an absent key
// for an empty list. Throws Error(plan) beyond kMaxYamlDepth.
[[nodiscard]] YamlPtr with_appended(const YamlPtr& root, const std::string& key, const YamlPtr& item);

// "transforms[0].copy.to", for messages.
[[nodiscard]] std::string to_string(const std::vector<PathStep>& path);

}  // namespace brainsurgery
