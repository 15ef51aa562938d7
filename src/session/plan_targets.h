// Where a plan writes, known before any of its steps is bound.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "plan/plan_file.h"
#include "session/registries.h"

namespace brainsurgery {

// The paths of its output and of what its steps save, those inside of an `execute` too; of steps that cannot be read
// nothing. Plans in files that steps name are read.
[[nodiscard]] std::vector<std::string> plan_targets(const Plan& plan, const Registries& registries, Env& env);

// A file that a step names as text. Throws Error(plan) where it cannot be read.
[[nodiscard]] std::string read_step_text(Env& env, const std::string& path);

}  // namespace brainsurgery
