// What a run says of divisions by zero.
#pragma once

#include <vector>

#include "brainsurgery/error.h"
#include "exec/division_counts.h"

namespace brainsurgery {

// A warning for each step that divided floats by zero, in the order of the plan; a bounded number of lines.
[[nodiscard]] std::vector<Diagnostic> division_warnings(const DivisionCounts& divisions);

}  // namespace brainsurgery
