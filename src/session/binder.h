// The first pass: performs a plan's steps on names, shapes and dtypes. Headers are read, tensor data is not.
//
//   Binder binder(env, registries, events, plan, options, ...);
//   binder.bind(step, place, diagnostics);  ...         // mistakes go to the diagnostics
//   binder.state().models, binder.effects()
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/session.h"
#include "session/effects.h"
#include "session/mistakes.h"
#include "session/models.h"
#include "session/opened_checkpoints.h"
#include "session/plan_state.h"
#include "session/previews.h"
#include "session/step_binding.h"

namespace brainsurgery {

class Binder {
 public:
  // Everything is kept by reference. `may_recover`: publications that were interrupted may be finished.
  Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan, const SessionOptions& options,
         bool may_recover);
  Binder(const Binder&) = delete;
  Binder& operator=(const Binder&) = delete;

  // False for a step that was not done: after mistakes, and where its preview says so. Mistakes of the plan are
  // reported, except those that may only follow from an earlier one or from an input that cannot be read.
  bool bind(const PreparedStep& step, const StepPlace& place, Diagnostics& diagnostics);

  // Everything that steps change, to take them back: also a step that bind() gave up half-way, by an exception.
  struct Mark {
    PlanState state;
    Mistakes::Mark mistakes;
    std::size_t effects, executed;
  };
  [[nodiscard]] Mark mark() const { return {state_, mistakes_.mark(), effects_.size(), executed_.size()}; }
  void rewind(Mark mark);
  // Rewinds, and gives what came behind the mark, to be put back where it was cut.
  struct Cut {
    PlanState state = {};
    Taints taints = {};
    std::vector<Effect> effects = {};
    std::vector<ExecutedStep> executed = {};
  };
  [[nodiscard]] Cut cut(const Mark& mark);
  void put_back(Cut cut);

  [[nodiscard]] const PlanState& state() const { return state_; }
  [[nodiscard]] const std::vector<Effect>& effects() const { return effects_; }
  [[nodiscard]] const std::vector<ExecutedStep>& executed() const { return executed_; }
  [[nodiscard]] const OpenedCheckpoints& checkpoints() const { return checkpoints_; }
  [[nodiscard]] Models& models() { return models_; }
  [[nodiscard]] const Models& models() const { return models_; }
  [[nodiscard]] Mistakes& mistakes() { return mistakes_; }
  [[nodiscard]] const Mistakes& mistakes() const { return mistakes_; }
  [[nodiscard]] Previews& previews() { return previews_; }

  // Of the files that are planned together, from the last end_planning() on.
  [[nodiscard]] const std::shared_ptr<Compiler>& compiler() const { return compiler_; }
  void end_planning();

 private:
  bool bind(StepBinding& step);
  void bind_action(StepBinding& step);
  // The steps of an `execute`.
  void execute(StepBinding& outer, const std::vector<PlanStep>& steps, std::optional<std::string> default_alias);

  Env& env_;
  const Registries& registries_;
  EventSink& events_;
  const Plan& plan_;
  const SessionOptions& options_;
  PlanState state_;
  Mistakes mistakes_;
  OpenedCheckpoints checkpoints_;
  Models models_;
  std::shared_ptr<Compiler> compiler_;
  Previews previews_;
  std::vector<Effect> effects_;
  std::vector<ExecutedStep> executed_;
};

}  // namespace brainsurgery
