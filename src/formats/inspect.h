// What `inspect` prints, as JSON and for people.
#pragma once

#include <string>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

struct InspectOptions {
  bool digest = false;  // of every tensor, which reads all data
  int threads = 1;      // for that
};

// One JSON object on one line, without a newline at its end:
//   {"tensors": [{"name": "w", "dtype": "F32", "shape": [2, 3], "nbytes": 24, "file": "model.safetensors",
//                 "sha256": "..."}, ...], "metadata": {"format": "pt"}, "format": "safetensors"}
// A tensor without a name has `"called": "w"` besides its empty name: what plans call it.
// Tensors sorted by name (byte order), those beside the model among them with `"beside": true`; dtypes in safetensors
// spelling (block types in their own, with size and digest of what is stored), files as Checkpoint::files lists them;
// "sha256" only with `digest`. Throws Error(run) where data cannot be read.
[[nodiscard]] std::string inspect_json(const Checkpoint& checkpoint, const InspectOptions& options);

// For people: one line a tensor, sorted by name, in columns (dtype, shape, size, with `digest` the digest, name), then
// the metadata and a total with the files' format. Names are escaped for terminals.
[[nodiscard]] std::string inspect_text(const Checkpoint& checkpoint, const InspectOptions& options);

}  // namespace brainsurgery
