// Where something is written: one file or a directory, of which format, in how many pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/format.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// What is asked for, and which part of the plan asks.
struct WriteTarget {
  PlanOutput place;
  std::string_view where;      // starts messages: "output", "save"
  bool format_wins = false;    // a format that makes one file takes a path without suffix as the file's
  bool single_tensor = false;  // one tensor without a model around it, where the format knows the difference
};

struct Destination {
  const Format* format = nullptr;
  bool directory = false;
  std::optional<std::int64_t> shard_bytes;  // nullopt: one file
};

// From the path, its suffix and what stands there, and from the format and shard size that are named. `default_shard`:
// for directories whose target names none. Throws Error(plan) where these do not go together.
[[nodiscard]] Destination choose_destination(Env& env, const FormatRegistry& formats, const WriteTarget& target,
                                             const std::string& default_shard);

// Throws Error(plan) at the target's place.
[[noreturn]] void refuse_target(const WriteTarget& target, const std::string& message,
                                std::vector<std::string> notes = {});

}  // namespace brainsurgery
