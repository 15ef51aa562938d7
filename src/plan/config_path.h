// Places in the tree of a plan, and the values that interpolations name: keys of the plan and parameters.
//
//   ConfigPath path = path_of_name(*root, "experts");   // params.experts.default
//
// Pure; may be called from several threads. Nothing throws.
#pragma once

#include <string>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// A step from a container to a value, both as written. The tree owns the container.
struct Frame {
  const YamlNode* container;
  std::string step;  // a key, or an index in decimal
};
using ConfigPath = std::vector<Frame>;

[[nodiscard]] std::vector<std::string> steps_of(const ConfigPath& path);
// "transforms[0].copy.from"
[[nodiscard]] std::string shown(const ConfigPath& path);

// The outermost of the mappings around the list that the text at the path is in, or may become; nullptr: there are none
// below the root.
[[nodiscard]] const YamlNode* mappings_around(const ConfigPath& path);

// nullptr: there is no such key or entry.
[[nodiscard]] YamlPtr child_at(const YamlNode& container, const std::string& step);

// Where the value of a name is: a key of the plan, else a parameter. Empty: there is none.
[[nodiscard]] ConfigPath path_of_name(const YamlNode& root, const std::string& name);
// The value there; nullptr: there is none.
[[nodiscard]] YamlPtr value_of_name(const YamlNode& root, const std::string& name);
// Whether it is a parameter that nobody gave a value.
[[nodiscard]] bool name_lacks_value(const YamlNode& root, const std::string& name);
// All such names, for the notes of messages.
[[nodiscard]] std::vector<std::string> names_of(const YamlNode& root);

}  // namespace brainsurgery
