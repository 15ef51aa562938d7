// The items of a command line as one tree: files merged, arguments applied, interpolations replaced.
//
//   std::optional<Config> config = read_config(items, environment, diagnostics);
//   if (!config) diagnostics.throw_if_errors();
//   Plan plan = parse_plan(config->root, config->referred_keys, diagnostics);
#pragma once

#include <optional>
#include <vector>

#include "brainsurgery/config.h"
#include "plan/interpolation.h"

namespace brainsurgery {

// Items in their order: a later file is merged into what is there (merge_yaml), an assignment sets one value, a step
// is appended. nullopt
// after mistakes, which are reported, all that can be found at once: YAML that cannot be read, a file that is no
// mapping, malformed assignments and steps, then interpolations. No items: an empty mapping.
[[nodiscard]] std::optional<Config> read_config(const std::vector<ConfigItem>& items, const VariableLookup& environment,
                                                Diagnostics& diagnostics);

}  // namespace brainsurgery
