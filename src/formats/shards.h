// How a model is cut into several safetensors files, and the index that ties them together. Pure functions.
//
//   ShardPlan plan = plan_shards(tensors, 5'000'000'000);
//   for (const Shard& shard : plan.shards) write(shard.file_name, tensors from shard.begin to shard.end);
//   write(plan.index_name, plan.index_text);     // last
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

inline constexpr const char* kSingleFileName = "model.safetensors";  // of a directory that is not sharded

struct SizedName {
  std::string_view name;
  std::int64_t bytes = 0;
};

struct Shard {
  std::string file_name;           // "model-00001-of-00003.safetensors"
  std::size_t begin = 0, end = 0;  // its tensors: positions in the list given, the last one not included
  std::int64_t tensor_bytes = 0;
};

struct ShardPlan {
  std::vector<Shard> shards;    // none for a model without tensors
  std::string index_name;       // "model.safetensors.index.json"
  std::string index_text;       // JSON, indented by 2
  std::int64_t total_size = 0;  // bytes of all tensors
};

// Greedy, in the order given (key order): a tensor goes to the current shard unless its bytes would then exceed
// `budget_bytes` (> 0); one that is larger than the budget stands alone. Headers do not count. A model that fits still
// gets one numbered shard and an index. Throws Error(run) where the sizes overflow.
[[nodiscard]] ShardPlan plan_shards(std::span<const SizedName> tensors, std::int64_t budget_bytes);

}  // namespace brainsurgery
