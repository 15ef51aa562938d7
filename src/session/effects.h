// What the second pass does, in plan order: each effect holds the tensors as they were at its step.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"
#include "commands/command.h"
#include "planner/conditions.h"
#include "session/output.h"

namespace brainsurgery {

struct CheckEffect {
  CheckPtr check;
  std::string announcement;  // printed when it holds; empty: nothing
};

struct PrintEffect {
  std::string text;
};

struct ReportEffect {
  Report report;
  bool verbose = false, dry_run = false;  // the flags at its step
};

struct SaveEffect {
  std::shared_ptr<const BoundOutput> output;
};

struct Effect {
  int step = 0;
  SourceSpan span;
  std::variant<CheckEffect, PrintEffect, ReportEffect, SaveEffect> what;
};

// The number of the first effect behind the last save.
[[nodiscard]] std::size_t behind_saves(const std::vector<Effect>& effects);

// The conditions of assertions behind the last save that wait for data: they may be decided together with the output.
// Effects before `first` are done.
[[nodiscard]] Conditions open_conditions(const std::vector<Effect>& effects, std::size_t first);

// Whether headers alone are enough for it.
[[nodiscard]] bool needs_data(const Effect& effect);

}  // namespace brainsurgery
