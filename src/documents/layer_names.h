// Layers in the names of tensors: "model.layers" of "model.layers.11.mlp.weight".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/workspace.h"

namespace brainsurgery {

// A name at its first segment that is a number.
struct LayerName {
  std::string_view prefix;  // without the point
  std::int64_t layer = 0;
};
[[nodiscard]] std::optional<LayerName> layer_name(std::string_view name);

// The layers behind each prefix.
using LayersByPrefix = std::map<std::string, std::set<std::int64_t>, std::less<>>;
[[nodiscard]] LayersByPrefix layers_of(const StateDict& names);
// Whether they are numbered 0 to n - 1.
[[nodiscard]] bool are_consecutive(const std::set<std::int64_t>& layers);

// For each of `count` layers behind a prefix the layer that most of its tensors were made from, by their sources; nullopt
// where that cannot be told for one of them.
[[nodiscard]] std::optional<std::vector<std::int64_t>> layer_origins(const StateDict& before, std::string_view before_prefix,
                                                                     const StateDict& after, std::string_view after_prefix,
                                                                     std::int64_t count);

}  // namespace brainsurgery
