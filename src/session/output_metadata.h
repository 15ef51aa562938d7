// Which metadata pairs an output carries.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/workspace.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// The pairs that place the parts which one file of several holds (formats/tensor_parts.h): kept for the names that are
// still there, and removed where steps made or changed a tensor, since they do not say where that belongs, and where the
// output is `in_several_files`, each of which would be taken for a part of all tensors. Gives warnings.
std::vector<std::string> fit_part_pairs(Metadata& metadata, const StateDict& names, bool in_several_files);

// Does what the plan asks for. `ties`: the keys of pairs that record ties. `where`: the part of the plan. Gives warnings of
// patterns that match no key, and of lost records.
std::vector<std::string> edit_metadata(Metadata& metadata, const MetadataEdit& edit, const std::set<std::string>& ties,
                                       std::string_view where);

}  // namespace brainsurgery
