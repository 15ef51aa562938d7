// Which files of a directory may hold the weights of one model, by their names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

// Files of one format that make up a model in a directory.
struct WeightsFamily {
  std::string_view whole;                  // the only file, or what the shards are parts of
  std::string_view shard_suffix;           // of the files that an index names
  std::vector<std::string_view> suffixes;  // of all that may hold weights, lower case

  // "model.safetensors.index.json", or "model.safetensors.index.fp16.json" of a variant.
  [[nodiscard]] bool is_index(std::string_view name) const;
  // Hidden files are leftovers of other programs, and trainers keep their state in the same formats.
  [[nodiscard]] bool holds_weights(const std::string& name) const;
};

[[nodiscard]] const WeightsFamily& safetensors_family();
[[nodiscard]] const WeightsFamily& torch_family();

// What a loader looks for where the index is: "model.fp16.safetensors" for "model.safetensors.index.fp16.json".
[[nodiscard]] std::string whole_of_index(const std::string& index);

}  // namespace brainsurgery
