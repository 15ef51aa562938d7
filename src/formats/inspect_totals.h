// What the tensors of a checkpoint add up to, by dtype and by module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// The module of a tensor, whatever its layer: "model.layers.*.mlp" of "model.layers.3.mlp.up.weight", "wte" of
// "wte.weight".
[[nodiscard]] std::string module_of(std::string_view name);

// A line for each dtype and for each module, those with the most bytes first: tensors, elements, bytes, share, and the
// share as a bar where there is room for it. Modules are escaped for terminals. `columns`: 0 for any number.
[[nodiscard]] std::string totals_text(const std::vector<const TensorEntry*>& tensors, int columns);

}  // namespace brainsurgery
