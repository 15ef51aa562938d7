// Whether the names that an edit writes may be written: all are checked before the first tensor is touched.
#pragma once

#include <vector>

#include "session/missing_names.h"
#include "session/step_names.h"
#include "session/step_rows.h"

namespace brainsurgery {

// Throws Error(plan) for a name that is empty, that exists and must not, that must exist and does not, or that two rows
// write to.
void check_destinations(const std::vector<ResolvedRow>& rows, StepNames& names, const MissingNames& missing);

}  // namespace brainsurgery
