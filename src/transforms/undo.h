// How edits that keep all elements are taken back.
#pragma once

#include <string>

#include "steps/undo.h"

namespace brainsurgery {

// Of a step that makes `to` of `from`, which stays: the new tensors go.
[[nodiscard]] UndoingStep undone_by_deleting(const WrittenStep& written);

// The facts that `where` may name and that are not the same behind a step that makes another tensor, or another shape.
[[nodiscard]] std::vector<std::string> all_facts();
[[nodiscard]] std::vector<std::string> facts_of_shape();

}  // namespace brainsurgery
