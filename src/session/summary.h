// The executed-plan summary: the steps that were done, as a plan.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/registries.h"
#include "brainsurgery/session.h"
#include "plan/plan_file.h"
#include "session/executed_step.h"

namespace brainsurgery {

// raw: the steps that were done, as written. resolve: inputs and output too, references with their aliases, dtypes by
// PyTorch's names, random values with the seeds that were derived for them, a step for each tensor; run as a plan it
// gives the same output. Empty for SummaryMode::none.
[[nodiscard]] std::string summary_text(SummaryMode mode, const Plan& plan,
                                       const std::vector<ExecutedStep>& executed, const Registries& registries);

}  // namespace brainsurgery
