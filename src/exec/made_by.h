// What was computed when something failed.
#pragma once

#include "brainsurgery/error.h"
#include "brainsurgery/expr.h"

namespace brainsurgery {

// The error with the place of the step that made the tensor, and a note that names both, unless it has a place.
[[nodiscard]] Error made_by(const Error& error, const MakerPtr& maker);

}  // namespace brainsurgery
