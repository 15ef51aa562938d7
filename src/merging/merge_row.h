// The merged tensor of one row: what is done with tensors that do not fit, and the method for those that do.
#pragma once

#include "brainsurgery/step.h"
#include "merging/merge_spec.h"

namespace brainsurgery::merging {

// An empty expression: nothing is written. Throws Error(plan).
[[nodiscard]] Expr merged(const MergeSpec& spec, const Row& row);

}  // namespace brainsurgery::merging
