// Which tensors of a checkpoint `inspect` shows.
#pragma once

#include <functional>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/session.h"

namespace brainsurgery {

// Empty where the view takes all. Throws Error(plan) for a pattern, a dtype or a shape that is none.
[[nodiscard]] std::function<bool(const TensorEntry& tensor)> tensor_filter(const InspectView& view);

}  // namespace brainsurgery
