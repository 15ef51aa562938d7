// Which metadata pairs an output carries.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/workspace.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// The pairs that place the parts which one file of several holds (formats/tensor_parts.h): kept for the names that are
// still there, and removed where steps made or changed a tensor, since they do not say where that belongs. Gives
// warnings.
std::vector<std::string> fit_part_pairs(Metadata& metadata, const StateDict& names);

// Does what the plan asks for. Gives warnings of patterns that match no key.
std::vector<std::string> edit_metadata(Metadata& metadata, const MetadataEdit& edit);

}  // namespace brainsurgery
