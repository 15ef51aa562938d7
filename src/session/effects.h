// What the second pass does, in plan order: each effect holds the tensors as they were at its step.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"
#include "planner/passing_reductions.h"
#include "steps/plan_scope.h"
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
  std::shared_ptr<BoundOutput> output;
};

struct Effect {
  int step = 0;
  SourceSpan span;
  std::variant<CheckEffect, PrintEffect, ReportEffect, SaveEffect> what;
};

// The number of the first effect behind the last save.
[[nodiscard]] std::size_t behind_saves(const std::vector<Effect>& effects);

// What the effect asks of values: numbers, and tensors whose elements are gone through or shown.
struct Wanted {
  std::vector<Expr> numbers, values;
  std::vector<const checks::DistinctValues*> distinct;
};
[[nodiscard]] Wanted wanted_by(const Effect& effect);

// What assertions and reports behind the last save wait for: it may be found together with the output. Effects before
// `first` are done.
[[nodiscard]] PassingReductions open_reductions(const std::vector<Effect>& effects, std::size_t first);

// Whether more than headers is needed for it.
[[nodiscard]] bool needs_data(const Effect& effect);

}  // namespace brainsurgery
