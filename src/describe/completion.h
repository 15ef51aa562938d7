// What may stand where the cursor is: values for a plan, and names.
//
//   complete_assignment(catalog, root, tensors, "transforms[0].cast.d")   // {"transforms[0].cast.dtype="}
//   complete_assignment(catalog, root, tensors, "transforms[0].cast.dtype=bf")   // {"transforms[0].cast.dtype=bf16"}
//
// Pure functions; candidates begin with the word and are sorted.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "describe/catalog.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// Of `names`, sorted, those that begin with `word`. If they are more than kGroupsAbove, only as far as the next dot
// behind the word: "h." stands for all that begins with it.
inline constexpr std::size_t kGroupsAbove = 24;
[[nodiscard]] std::vector<std::string> complete_names(const std::vector<std::string>& names, std::string_view word);

// What `help` can describe: the names of steps, or behind a step that takes one the operators.
[[nodiscard]] std::vector<std::string> complete_topic(const Catalog& catalog, const std::optional<std::string>& step,
                                                      std::string_view word);

// Tensors of the plan's inputs as references write them, "name" or "alias::name"; asked for only where they are needed.
using ReferenceNames = std::function<std::vector<std::string>()>;

// For an argument `key.path[0]=value` of a plan whose files are merged in `root`: keys that the plan has or its steps
// take, each with its '='; behind the '=' the words that the field takes, with what stands before them.
[[nodiscard]] std::vector<std::string> complete_assignment(const Catalog& catalog, const YamlNode& root,
                                                           const ReferenceNames& references, std::string_view word);

}  // namespace brainsurgery
