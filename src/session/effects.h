// What the second pass does, in plan order: each effect holds the tensors as they were at its step.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "brainsurgery/check.h"
#include "commands/command.h"
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

// Whether headers alone are enough for it.
[[nodiscard]] bool needs_data(const Effect& effect);

}  // namespace brainsurgery
