// Which files of a directory make up one model: what a new checkpoint replaces, and what belongs to others.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

// "model.safetensors", "model-00001-of-00002.safetensors" and "model.safetensors.index.json": what huggingface_hub's
// writer replaces too. Variants ("model.fp16.safetensors") are checkpoints of their own.
[[nodiscard]] bool is_model_file(std::string_view name);
// Weights of the same model in another format: "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", their index.
[[nodiscard]] bool is_other_model_file(std::string_view name);
// What a trainer leaves beside the weights: "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin", ...
[[nodiscard]] bool is_trainer_file(std::string_view name);
// Where `names` are those of files without an index: the first of "STEM-ddddd-of-ddddd.SUFFIX" that is missing beside
// others of its set; nullopt for a complete one.
[[nodiscard]] std::optional<std::string> missing_shard(std::span<const std::string> names);
// The plain file names that the directory's index lists; empty without a readable index.
[[nodiscard]] std::vector<std::string> indexed_files(Env& env, const std::string& directory);

}  // namespace brainsurgery
