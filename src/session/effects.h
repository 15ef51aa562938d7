// What the second pass does, in plan order: each effect holds the tensors as they were at its step.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"
#include "steps/plan_scope.h"
#include "planner/questions.h"
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

// What assertions and reports behind the last save wait for: it may be answered together with the output. Effects
// before `first` are done.
[[nodiscard]] Questions open_questions(const std::vector<Effect>& effects, std::size_t first);

// The numbers of those of the effect.
[[nodiscard]] std::vector<int> questions_of(const Effect& effect, const Questions& questions);

// Whether headers alone are enough for it.
[[nodiscard]] bool needs_data(const Effect& effect);

}  // namespace brainsurgery
