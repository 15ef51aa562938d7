// Metadata pairs that say for which names a tensor stands: `NAME: OTHER`, where the file holds OTHER and not NAME. What
// safetensors.torch.save_model writes, and `tied: drop`.
#pragma once

#include <set>
#include <string>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/workspace.h"

namespace brainsurgery {

// The keys of such pairs among the metadata of a file with these tensors.
[[nodiscard]] std::set<std::string> recorded_ties(const Metadata& metadata, const StateDict& names);

// Removes the pairs of `ties` that are not true of `names`, which steps have changed. Gives what was removed.
Metadata remove_stale_ties(Metadata& metadata, const std::set<std::string>& ties, const StateDict& names);

// Adds the pairs of names that were left out. What the metadata say already stays.
void record_dropped(Metadata dropped, Metadata& metadata);

}  // namespace brainsurgery
