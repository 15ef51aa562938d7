// The step at hand while it is bound: what it is, what it did so far, and where it says so.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/delta.h"
#include "brainsurgery/error.h"
#include "brainsurgery/events.h"
#include "plan/match_budget.h"
#include "session/effects.h"
#include "session/executed_step.h"
#include "session/prepared_step.h"
#include "session/taints.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

// Which one of the steps that belong together, for previews.
struct StepPlace {
  int number = 1;  // from 1
  int count = 1;
};

struct StepBinding {
  const PreparedStep& step;
  StepPlace place;
  bool is_inside;  // of an `execute`
  const PlanFlags& flags;
  Diagnostics& diagnostics;
  EventSink& events;
  std::vector<Effect>& effects;  // of the plan

  MatchBudget matching = {};
  Delta delta = {};
  std::vector<std::string> edited = {};  // documents and metadata, for the preview
  std::vector<ExecutedStep::SeededMatch> seeded = {};
  std::vector<NameSet> looked_at = {};  // by an assertion or a command
  bool follows_from_mistake = false;    // what it would report is kept back: no need to make it good

  [[nodiscard]] const std::string& name() const { return step.name(); }
  // Decoding refuses a reference that has no alias where there is no default.
  [[nodiscard]] std::string alias_of(const TensorRef& ref) const;
  // The reference with its alias, as messages write it.
  [[nodiscard]] std::string describe(const TensorRef& ref) const;

  template <typename What>
  void add_effect(What what) {
    Effect& effect = effects.emplace_back();  // g++ 12 warns of an effect that is moved into its place
    effect.step = step.index;
    effect.span = step.span;
    effect.what = std::move(what);
  }
  void print(std::string text);
  // A line that is printed if `verbose` is on, and how it is printed.
  void announce(const std::string& line);
  [[nodiscard]] std::string announcement(const std::string& line) const;
  void warn(const SourceSpan& at, std::string message) const;
  // For a tensor that the step makes.
  [[nodiscard]] MakerPtr maker_of(const std::string& label) const;
};

}  // namespace brainsurgery
