// The index of a sharded model: "model.safetensors.index.json", and "pytorch_model.bin.index.json", which has the same
// form.
//
//   SafetensorsIndex index = parse_index(text, "'m/model.safetensors.index.json'");
//   for (const std::string& file : index.files) open(directory + "/" + file);
//   check_against_index(index, checkpoint);     // a stale or wrong index
//
// Source: formats "safetensors", section on shards; the path rule is huggingface_hub's, with backslashes refused
// anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

inline constexpr std::int64_t kMaxIndexBytes = 128'000'000;

struct SafetensorsIndex {
  std::string shown_path;          // quoted, for messages
  std::vector<std::string> files;  // the shards, sorted: plain relative paths below the directory
  std::vector<std::pair<std::string, std::size_t>>
      weight_map;  // sorted by tensor name; the number is a place in `files`
  std::optional<std::uint64_t> total_size;
};

// `shown_path` opens every message; `suffix` is that of the shards. Throws Error(run): not the JSON of an index, a
// tensor twice, a path that is not of such a file below the directory.
[[nodiscard]] SafetensorsIndex parse_index(std::string_view text, std::string shown_path,
                                           std::string_view suffix = ".safetensors");

// Compares what the shards hold with what the index says. Throws Error(run) for a tensor that no shard has; what else
// differs (another shard, tensors not named, the total size) is returned as warnings.
[[nodiscard]] std::vector<std::string> check_against_index(const SafetensorsIndex& index, const Checkpoint& checkpoint);

}  // namespace brainsurgery
