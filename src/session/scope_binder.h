// Binds the steps that see the plan through a scope: assertions become checks, queries and controls do what they do.
#pragma once

#include <vector>

#include "brainsurgery/step.h"
#include "session/mistakes.h"
#include "session/models.h"
#include "session/step_binding.h"
#include "session/step_parts.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

class ScopeBinder {
 public:
  // Everything is kept by reference. For one step.
  ScopeBinder(StepBinding& step, PlanScope& scope, Models& models, Mistakes& mistakes, const PlanState& state)
      : step_(step), scope_(scope), models_(models), mistakes_(mistakes), state_(state) {}

  // Mistakes are reported.
  void bind(const Condition& condition, const std::vector<StepPartPtr>& parts);
  void bind(const Query& query, const std::vector<StepPartPtr>& parts);
  void bind(const Control& control, const std::vector<StepPartPtr>& parts);

 private:
  void bind(const Condition& condition, const void* spec);
  void distrust_introduced(const Control& control, const void* spec);

  StepBinding& step_;
  PlanScope& scope_;
  Models& models_;
  Mistakes& mistakes_;
  const PlanState& state_;
};

}  // namespace brainsurgery
