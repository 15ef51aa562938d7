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
// Whether the name numbers its file among others: "model-00001-of-00002.bf16.safetensors", "m-1-of-3.gguf".
[[nodiscard]] bool is_numbered_part(std::string_view name);
struct MissingPart {
  std::string name;
  std::string present;  // a member of its set
  bool is_certain;      // else the only member may count steps: "step-100-of-1000.safetensors"
};
// The first name that is missing among the numbered ones, for each set of these that `names` has members of, whether
// padded or not, and wherever the number stands in the name. None for complete sets. A set is one for certain where it
// has several members, or where the numbers of a name are equally wide.
[[nodiscard]] std::vector<MissingPart> missing_parts(std::span<const std::string> names);
// The plain file names that the directory's index lists; empty without a readable index.
[[nodiscard]] std::vector<std::string> indexed_files(Env& env, const std::string& directory);

}  // namespace brainsurgery
