// Completion of words that stand for a plan's parts, with the names of the tensors of its inputs.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"
#include "session/registries.h"

namespace brainsurgery {

// Candidates for the argument `word` behind the plan's files and arguments (describe/completion.h). Inputs are opened,
// headers only, where a reference is asked for. A plan or an input that cannot be read offers nothing: whoever runs the
// plan is told why.
[[nodiscard]] std::vector<std::string> complete_plan_argument(Env& env, const Registries& registries,
                                                              const VariableLookup& environment, const PlanSource& plan,
                                                              const std::string& word);

}  // namespace brainsurgery
