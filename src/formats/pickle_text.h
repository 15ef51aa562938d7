// Values of a pickle as Python's str() writes them: the names that a state dict gives to keys of any type.
//
//   python_text(tree, key);     // "7", "2.5", "None", "True", "('t', 0)", "torch.float32"
#pragma once

#include <optional>
#include <string>

#include "formats/pickle_vm.h"

namespace brainsurgery {

// nullopt for objects whose class decides what they are called, and for what is nested too deep or too long.
[[nodiscard]] std::optional<std::string> python_text(const PickleTree& tree, PickleRef ref);

}  // namespace brainsurgery
