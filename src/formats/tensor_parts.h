// Tensors of which each file holds a part: how the parts of one must lie, and what the HuggingFaceStorageWriter of
// torch.distributed.checkpoint says about them in two pairs of a safetensors file's metadata.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "formats/adapted_file.h"

namespace brainsurgery {

inline constexpr std::string_view kPartOffsets = "DCP_SHARDING_INFO";
inline constexpr std::string_view kPartVersion = "DCP_VERSION";
inline constexpr std::size_t kMaxParts = 4096;  // of one tensor

// Where the part of each tensor begins in the whole.
using PartOffsets = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

// Of {NAME: {"saved_offsets": [0, 4]}, ...}. Throws Error(run) "<context>: <reason>".
[[nodiscard]] PartOffsets parse_part_offsets(std::string_view json, std::string context);
[[nodiscard]] std::string part_offsets_text(const PartOffsets& offsets);

// Removes both pairs.
void erase_part_pairs(Metadata& metadata);

// A tensor of a file and where it begins in the whole.
struct TensorPart {
  TensorEntry tensor;
  std::vector<std::int64_t> starts;
};

struct JoinedTensor {
  TensorEntry tensor;
  bool is_repeated = false;  // several files hold one part of it; that of the first is used
};

// The whole. Throws Error(run) "<context>: <reason>" where parts overlap, are
// missing, or differ in dtype or number of dimensions.
[[nodiscard]] JoinedTensor join_parts(std::vector<TensorPart> parts, const std::string& context);

// What is wrong with boxes that are to make up the tensor: outside of it, twice, missing; empty if nothing is.
[[nodiscard]] std::string cover_mistake(const std::string& name, const std::vector<TensorBox>& boxes,
                                        const Shape& shape);

}  // namespace brainsurgery
