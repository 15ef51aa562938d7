// A checkpoint that is complete and not published yet.
#pragma once

#include <string>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// As open_checkpoint(), at the place where a run that is not over writes: others are refused there.
[[nodiscard]] Checkpoint open_staged_checkpoint(Env& env, const FormatRegistry& formats, const std::string& path,
                                                int threads);

}  // namespace brainsurgery
