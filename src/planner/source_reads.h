// How the elements of a tensor of a file are read at random.
#pragma once

#include "brainsurgery/expr.h"
#include "planner/view.h"

namespace brainsurgery {

// Whether they may be read one by one, or by a library, out of memory: they must stand where the processor's loads expect
// them, and the headers of old checkpoints are not padded.
[[nodiscard]] bool is_mapped(const nodes::Source& node, DType dtype);
// Whether what a map says can be read as it is. If not, the tensor is made as a whole before.
[[nodiscard]] bool reads_well_at_random(const nodes::Source& node, const StridedMap& map, DType dtype);

}  // namespace brainsurgery
