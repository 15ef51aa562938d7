// What config.json has to say of other tensors than those that it was written for.
//
//   for (const std::string& warning : adjust_config(config, opened, written)) ...
//
// Followed are: the number of layers and lists with an entry for each, vocab_size, the dtype, tie_word_embeddings, the
// number of experts, and quantization_config. A key is changed where it said the right thing before and the tensors say
// otherwise now; where that cannot be told for certain it stays, with a warning. What a step set or deleted stays.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/workspace.h"
#include "documents/document.h"

namespace brainsurgery {

// `before`: the tensors that the config was written for. Gives warnings; what was changed stands in config.changes.
[[nodiscard]] std::vector<std::string> adjust_config(Document& config, const StateDict& before, const StateDict& after);

}  // namespace brainsurgery
