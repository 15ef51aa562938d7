// The command `repl`: which of its arguments are plans, and a plan for those that are checkpoints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"

namespace brainsurgery {

struct ReplItems {
  std::vector<std::string> plans;    // and values for them
  std::optional<ConfigItem> inputs;  // of the checkpoints
};

// A name that ends as plans do is a plan, `key=value` a value for it; any other file or folder is a checkpoint, as
// `alias::path` under that alias, else under that of plans with one input, or of its name where there are several.
// Throws Error(plan) for plans beside checkpoints, and for what does not exist.
[[nodiscard]] ReplItems split_repl_items(const std::vector<std::string>& items, Env& env);

}  // namespace brainsurgery
