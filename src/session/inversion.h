// The plan that takes back what a plan does, from its text alone: the steps that undo its steps, the last one first.
#pragma once

#include <memory>
#include <string>

#include "brainsurgery/error.h"
#include "brainsurgery/step.h"

namespace brainsurgery {

// As YAML. Steps that change nothing are left out, and those that a model may lack. Throws Error(plan): the text is no
// plan, a step cannot be taken back (at its place, with the reason), the plan works on several models.
[[nodiscard]] std::string invert_plan(const std::shared_ptr<const SourceText>& plan, const StepRegistry& steps);

}  // namespace brainsurgery
