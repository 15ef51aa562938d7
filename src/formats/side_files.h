// The files of a model's folder that are not weights: config.json, the tokenizer, licences, ...
//
//   SideFiles found = side_files(env, formats, checkpoint);
//   for (const std::string& name : found.names) open(checkpoint.root + name);
//
// Weights are what the checkpoint was read from, its index, files in the format of some other checkpoint, and what
// trainers keep of their state. Hidden files belong to other programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/env.h"
#include "brainsurgery/format.h"

namespace brainsurgery {

inline constexpr std::size_t kMaxSideFiles = 256;

struct SideFiles {
  std::vector<std::string> names;     // of regular files and of links to such, sorted
  std::vector<std::string> warnings;  // of what is left out and might be missed
};

// Whether a file of this name may hold weights, an index of such, or the state of a trainer.
[[nodiscard]] bool is_weights_name(const FormatRegistry& formats, const std::string& name);

// A link counts as what it leads to where that lies in the folder, or in the blobs of a cache of huggingface_hub.
[[nodiscard]] SideFiles side_files(Env& env, const FormatRegistry& formats, const Checkpoint& checkpoint);

// Whether the name matches the pattern (formats/path_pattern.h): for a name with folders, part by part.
[[nodiscard]] bool matches_glob(const std::string& pattern, const std::string& name);

}  // namespace brainsurgery
