#include "formats/shards.h"

#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

std::string shard_name(std::size_t number, std::size_t count) {
  auto digits = [](std::size_t n) {
    const std::string text = std::to_string(n);
    return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
  };
  return "model-" + digits(number) + "-of-" + digits(count) + ".safetensors";
}

// What json.dumps(index, indent=2) gives.
std::string index_text(std::span<const NamedDesc> tensors, const ShardPlan& plan) {
  std::string text =
      "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(plan.total_size) + "\n  },\n  \"weight_map\": {";
  const char* separator = "\n    ";
  for (const Shard& shard : plan.shards) {
    for (const std::size_t i : shard.tensors) {
      text += std::exchange(separator, ",\n    ");
      append_json_string(text, tensors[i].name, JsonEscapes::ascii);
      text += ": \"" + shard.file_name + "\"";
    }
  }
  return text + (tensors.empty() ? "}\n}" : "\n  }\n}");
}

}  // namespace

ShardPlan plan_shards(std::span<const NamedDesc> tensors, std::int64_t budget_bytes) {
  BS_CHECK(budget_bytes > 0);
  ShardPlan plan;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t size = byte_count(tensors[i].desc.dtype, tensors[i].desc.shape);
    plan.total_size = checked_add(plan.total_size, size, "the size of the model");
    if (plan.shards.empty() || size > budget_bytes - plan.shards.back().tensor_bytes) plan.shards.emplace_back();
    plan.shards.back().tensors.push_back(i);
    plan.shards.back().tensor_bytes += size;
  }
  for (std::size_t i = 0; i < plan.shards.size(); ++i) plan.shards[i].file_name = shard_name(i + 1, plan.shards.size());
  plan.index_name = std::string(kSingleFileName) + ".index.json";
  plan.index_text = index_text(tensors, plan);
  return plan;
}

}  // namespace brainsurgery
