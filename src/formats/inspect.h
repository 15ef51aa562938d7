// What `inspect` prints, as JSON and for people.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

struct InspectOptions {
  bool digest = false;                                           // of every tensor, which reads all data
  int threads = 1;                                               // for that
  std::function<bool(const TensorEntry& tensor)> matches = {};  // which tensors are shown; empty: all
  enum class Order : std::uint8_t { name, size } order = Order::name;  // of lines; the largest first
  bool for_terminal = false;                                     // JSON without characters that a terminal obeys
  bool color = false;                                            // of lines: what stands out
  int columns = 0;                                               // of the terminal, to which names are cut; 0: are not
};

// Those that are shown, sorted by name (byte order), those beside the model among them.
[[nodiscard]] std::vector<const TensorEntry*> shown_tensors(const Checkpoint& checkpoint,
                                                            const InspectOptions& options);
// Meta tensors have no bytes in the file, so their number of elements can be anything.
[[nodiscard]] std::int64_t capped_sum(std::int64_t a, std::int64_t b);
// The dtype as the file has it, in safetensors' spelling or a block type's own.
[[nodiscard]] std::string_view stored_type(const TensorEntry& tensor);
// What the file has of it; 0 where elements cannot be read.
[[nodiscard]] std::int64_t stored_bytes(const TensorEntry& tensor);

// One JSON object on one line, without a newline at its end:
//   {"tensors": [{"name": "w", "dtype": "F32", "shape": [2, 3], "nbytes": 24, "file": "model.safetensors",
//                 "sha256": "..."}, ...], "metadata": {"format": "pt"}, "format": "safetensors"}
// A tensor without a name has `"called": "w"` besides its empty name: what plans call it.
// Tensors sorted by name (byte order), those beside the model among them with `"beside": true`; dtypes in safetensors
// spelling (block types in their own, with size and digest of what is stored), files as Checkpoint::files lists them;
// "unreadable": true marks those whose elements cannot be read; their dtype is a description and their size 0.
// "sha256" only with `digest`. Throws Error(run) where data cannot be read.
[[nodiscard]] std::string inspect_json(const Checkpoint& checkpoint, const InspectOptions& options);

// For people: one line a tensor, numbers in names in the order of their values, in columns (dtype, shape, size, with
// `digest` the digest, name), then inspect_total(). Names are escaped for terminals. In colour, dtypes that are not that
// of most tensors are yellow, sizes of a tenth of all bytes or more are bold, remarks are grey.
[[nodiscard]] std::string inspect_text(const Checkpoint& checkpoint, const InspectOptions& options);
// The metadata, and a line with the number of tensors, parameters, bytes and files, and the format.
[[nodiscard]] std::string inspect_total(const Checkpoint& checkpoint, const InspectOptions& options);

}  // namespace brainsurgery
