#include "formats/weights_family.h"

#include <algorithm>

#include "base/text.h"
#include "formats/model_family.h"
#include "formats/shards.h"

namespace brainsurgery {

bool WeightsFamily::is_index(std::string_view name) const {
  const std::size_t index = name.rfind(std::string(shard_suffix) + ".index.");
  return index != std::string_view::npos && name.ends_with(".json") && !name.starts_with('.');
}

bool WeightsFamily::holds_weights(const std::string& name) const {
  const std::string lower = ascii_lower(name);
  return !name.starts_with('.') && !is_trainer_file(lower) &&
         std::ranges::any_of(suffixes, [&](std::string_view suffix) { return lower.ends_with(suffix); });
}

const WeightsFamily& safetensors_family() {
  static const WeightsFamily family{kSingleFileName, ".safetensors", {".safetensors", ".sft"}};
  return family;
}

const WeightsFamily& torch_family() {
  static const WeightsFamily family{"pytorch_model.bin", ".bin", {".pt", ".pth", ".bin", ".ckpt", ".pth.tar"}};
  return family;
}

std::string whole_of_index(const std::string& index) {
  constexpr std::string_view kWord = ".index";
  const std::size_t word = index.rfind(".index.");
  const std::size_t json = index.size() - std::string_view(".json").size();
  const std::string variant = index.substr(word + kWord.size(), json - word - kWord.size());  // ".fp16", or nothing
  const std::string stem = index.substr(0, word);
  return stem.substr(0, stem.rfind('.')) + variant + stem.substr(stem.rfind('.'));
}

}  // namespace brainsurgery
