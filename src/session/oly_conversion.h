// Steps from OLY to YAML and back: what `brainsurgery oly` prints.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/config.h"

namespace brainsurgery {

// The steps of all lines as YAML list entries, for a plan's `transforms`; "" for none. Throws Error(plan) with every
// mistake.
[[nodiscard]] std::string oly_to_yaml(const std::vector<std::shared_ptr<const SourceText>>& texts);

// The plan's steps, a line each, with its interpolations replaced. Throws Error(plan) with every mistake of the plan,
// or else every step that OLY cannot spell.
[[nodiscard]] std::string plan_to_oly(const PlanSource& source, const VariableLookup& environment);

}  // namespace brainsurgery
