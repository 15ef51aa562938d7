#include "formats/shards.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <random>

#include "formats/safetensors_index.h"

namespace brainsurgery {
namespace {

// Names and sizes; the names stay where they are when it is moved.
struct Sized {
  std::deque<std::string> names;
  std::vector<SizedName> tensors;
};

Sized bytes_each(const std::vector<std::int64_t>& sizes) {
  Sized result;
  for (const std::int64_t size : sizes)
    result.tensors.push_back({result.names.emplace_back("t" + std::to_string(result.names.size())), size});
  return result;
}

using Groups = std::vector<std::pair<std::size_t, std::size_t>>;

Groups groups(const std::vector<std::int64_t>& sizes, std::int64_t budget) {
  Groups result;
  for (const Shard& shard : plan_shards(bytes_each(sizes).tensors, budget).shards)
    result.emplace_back(shard.begin, shard.end);
  return result;
}

TEST(Shards, FillGreedilyInTheOrderGiven) {
  EXPECT_EQ(groups({4, 4, 4}, 8), (Groups{{0, 2}, {2, 3}}));
  EXPECT_EQ(groups({4, 5, 3}, 8), (Groups{{0, 1}, {1, 3}}));
  EXPECT_EQ(groups({2, 9, 2, 2}, 8), (Groups{{0, 1}, {1, 2}, {2, 4}}));
  EXPECT_EQ(groups({9, 0, 9, 9}, 8), (Groups{{0, 1}, {1, 2}, {2, 3}, {3, 4}}));
  EXPECT_EQ(groups({0, 8, 0, 0}, 8), (Groups{{0, 4}}));
  EXPECT_EQ(groups({}, 8), (Groups{}));
}

// The text was recorded from the Python program.
TEST(Shards, IndexEqualsTheRecordedOne) {
  const std::vector<SizedName> tensors = {{"b\x7f\u2028😀", 8}, {"é\n\"x/", 12}, {"c", 8}};
  const ShardPlan plan = plan_shards(tensors, 16);
  EXPECT_EQ(plan.index_name, "model.safetensors.index.json");
  EXPECT_EQ(plan.total_size, 28);
  EXPECT_EQ(plan.index_text, R"({
  "metadata": {
    "total_size": 28
  },
  "weight_map": {
    "b\u007f\u2028\ud83d\ude00": "model-00001-of-00003.safetensors",
    "\u00e9\n\"x/": "model-00002-of-00003.safetensors",
    "c": "model-00003-of-00003.safetensors"
  }
})");
}

TEST(Shards, ModelWithoutTensorsHasAnEmptyIndex) {
  const ShardPlan plan = plan_shards({}, 1);
  EXPECT_TRUE(plan.shards.empty());
  EXPECT_EQ(plan.index_text, "{\n  \"metadata\": {\n    \"total_size\": 0\n  },\n  \"weight_map\": {}\n}");
}

TEST(Shards, NumbersGrowBeyondFiveDigits) {
  const ShardPlan plan = plan_shards(bytes_each(std::vector<std::int64_t>(100'001, 1)).tensors, 1);
  EXPECT_EQ(plan.shards.front().file_name, "model-00001-of-100001.safetensors");
  EXPECT_EQ(plan.shards.back().file_name, "model-100001-of-100001.safetensors");
}

TEST(Shards, HoldEveryTensorOnceWithinTheBudget) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::int64_t> sizes(random() % 20);
    for (auto& size : sizes) size = random() % 12;
    const std::int64_t budget = 1 + random() % 15;
    const ShardPlan plan = plan_shards(bytes_each(sizes).tensors, budget);
    std::size_t next = 0;
    for (std::size_t s = 0; s < plan.shards.size(); ++s) {
      const Shard& shard = plan.shards[s];
      EXPECT_EQ(shard.begin, next);
      ASSERT_GT(shard.end, shard.begin);
      next = shard.end;
      const std::int64_t bytes = std::reduce(sizes.begin() + static_cast<std::ptrdiff_t>(shard.begin),
                                             sizes.begin() + static_cast<std::ptrdiff_t>(shard.end), std::int64_t{0});
      EXPECT_EQ(bytes, shard.tensor_bytes);
      EXPECT_TRUE(bytes <= budget || shard.end - shard.begin == 1);
      if (s > 0) {
        EXPECT_GT(plan.shards[s - 1].tensor_bytes + sizes[shard.begin], budget);
      }
    }
    EXPECT_EQ(next, sizes.size());
    const SafetensorsIndex index = parse_index(plan.index_text, "'i'");
    EXPECT_EQ(index.weight_map.size(), sizes.size());
    EXPECT_EQ(index.files.size(), plan.shards.size());
    EXPECT_EQ(index.total_size, static_cast<std::uint64_t>(plan.total_size));
  }
}

}  // namespace
}  // namespace brainsurgery
