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
std::string index_text(std::span<const SizedName> tensors, const ShardPlan& plan) {
  std::string text =
      "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(plan.total_size) + "\n  },\n  \"weight_map\": {";
  const char* separator = "\n    ";
  for (const Shard& shard : plan.shards) {
    for (const SizedName& tensor : tensors.subspan(shard.begin, shard.end - shard.begin)) {
      text += std::exchange(separator, ",\n    ");
      append_json_string(text, tensor.name, JsonEscapes::ascii);
      text += ": \"";
      text += shard.file_name;
      text.push_back('"');
    }
  }
  text += tensors.empty() ? "}\n}" : "\n  }\n}";
  return text;
}

}  // namespace

ShardPlan plan_shards(std::span<const SizedName> tensors, std::int64_t budget_bytes) {
  BS_CHECK(budget_bytes > 0);
  ShardPlan plan;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t size = tensors[i].bytes;
    plan.total_size = checked_add(plan.total_size, size, "the size of the model");
    if (plan.shards.empty() || size > budget_bytes - plan.shards.back().tensor_bytes)
      plan.shards.push_back({"", i, i, 0});
    plan.shards.back().end = i + 1;
    plan.shards.back().tensor_bytes += size;
  }
  for (std::size_t i = 0; i < plan.shards.size(); ++i) plan.shards[i].file_name = shard_name(i + 1, plan.shards.size());
  plan.index_name = std::string(kSingleFileName) + ".index.json";
  plan.index_text = index_text(tensors, plan);
  return plan;
}

}  // namespace brainsurgery
