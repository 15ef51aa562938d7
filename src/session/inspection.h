// What `inspect` shows of a checkpoint: formats list it, the language chooses from it.
#pragma once

#include <string>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/session.h"

namespace brainsurgery {

// `threads`: for the digests. Throws Error(plan) for a pattern that is none.
[[nodiscard]] std::string inspection_text(const Checkpoint& checkpoint, bool digest, int threads,
                                          const InspectView& view);
[[nodiscard]] std::string inspection_json(const Checkpoint& checkpoint, bool digest, int threads,
                                          const InspectView& view);

}  // namespace brainsurgery
