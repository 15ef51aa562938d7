// Where a plan writes, known before any of its steps is bound.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/plan_file.h"
#include "session/registries.h"

namespace brainsurgery {

// The paths of its output and of what its steps save, those inside of an `execute` too; of steps that cannot be read
// nothing. `read_text`: of the plans in files that steps name.
[[nodiscard]] std::vector<std::string> plan_targets(const Plan& plan, const Registries& registries,
                                                    const std::function<std::string(const std::string&)>& read_text);

}  // namespace brainsurgery
