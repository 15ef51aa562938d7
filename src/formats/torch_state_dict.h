// Which of the tensors in a PyTorch file are the model's. A file may hold a state dict as it is, or below a key, beside
// the state of an optimizer and whatever the training script put there.
//
//   FileContents contents = choose_state_dict(tree, storages, "", path, context);
//
// The rule, first that fits (docs/formats/torch.md has it in full):
//   1. the part that the user names: keys joined by dots;
//   2. a bare tensor: one tensor with an empty name;
//   3. the root, if a tensor stands right in it (the states of random generators do not count);
//   4. what stands below 'state_dict', else below the only one of the other usual keys;
//   5. the root, without what is a trainer's.
// Tensors below nested keys get their keys joined by dots. What is no tensor is skipped with a warning.
#pragma once

#include <string>
#include <string_view>

#include "brainsurgery/format.h"
#include "formats/pickle_vm.h"
#include "formats/torch_tensors.h"

namespace brainsurgery {

// Tensors whose elements cannot be read have no file yet. Throws Error(run) "<context>: <reason>": no tensors, several
// parts that could be meant, a part that is not there, one name twice, containers too deep or too many.
[[nodiscard]] FileContents choose_state_dict(const PickleTree& tree, const TorchStorages& storages,
                                             std::string_view part, const std::string& path,
                                             const std::string& context);

}  // namespace brainsurgery
