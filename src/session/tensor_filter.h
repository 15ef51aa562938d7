// Which tensors of a checkpoint, or of a run, are shown.
#pragma once

#include <functional>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/session.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// By which front ends choose names: a pattern as references have it, without alias and slice. Throws Error(plan).
[[nodiscard]] NamePattern name_filter(const std::string& pattern);

// Empty where the view takes all. Throws Error(plan) for a pattern, a dtype or a shape that is none.
[[nodiscard]] std::function<bool(const TensorEntry& tensor)> tensor_filter(const InspectView& view);

}  // namespace brainsurgery
