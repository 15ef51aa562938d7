// Every byte that the reference library writes, from tests/corpus/saved, and properties of the layout.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>

#include "brainsurgery/error.h"
#include "formats/safetensors.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

std::string contents_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The whole file: tensor k holds the bytes (31 k + j) mod 256.
std::string written(const std::vector<StoredTensor>& tensors, const Metadata& metadata) {
  const SafetensorsLayout layout = layout_safetensors(tensors, metadata);
  std::string bytes = layout.header;
  bytes.resize(static_cast<std::size_t>(layout.file_size));
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const std::int64_t size = byte_count(tensors[k].desc.dtype, tensors[k].desc.shape);
    for (std::int64_t j = 0; j < size; ++j) {
      bytes[static_cast<std::size_t>(layout.offsets[k] + j)] = static_cast<char>(31 * static_cast<std::int64_t>(k) + j);
    }
  }
  return bytes;
}

TEST(SafetensorsLayout, EqualsTheReferenceLibraryByteForByte) {
  const std::string directory = BS_TEST_DATA "/corpus/saved/";
  // Ordered, so that the tensors and pairs stay as the recording program gave them.
  const auto cases = nlohmann::ordered_json::parse(contents_of(directory + "inputs.json"));
  ASSERT_GE(cases.size(), 15u);
  for (const auto& [name, input] : cases.items()) {
    std::vector<StoredTensor> tensors;
    for (const auto& tensor : input["tensors"]) {
      tensors.push_back({tensor[0].get_ref<const std::string&>(),
                         {dtype_from_safetensors(tensor[1].get<std::string>()).value(), tensor[2].get<Shape>()}});
    }
    const auto metadata = input["metadata"].get<Metadata>();
    EXPECT_EQ(written(tensors, metadata), contents_of(directory + name + ".safetensors")) << name;
  }
}

// Two files with tensors of any length, of which some are left out, and others that come from no file.
TEST(SafetensorsLayout, AlignedKeepsTheOrderAndMostPlacesOfTheOrigins) {
  const auto first = testing::file_of("", "first"), second = testing::file_of("", "second");
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
    std::deque<std::string> names;
    std::vector<StoredTensor> tensors;
    std::vector<std::optional<ContentOrigin>> origins;
    std::int64_t at = 8 * (1 + below(700));
    for (int i = 0; i < 12; ++i) {
      const std::int64_t elements = below(2) == 0 ? 4096 : 4 * below(3000);
      const DType dtype = below(4) == 0 ? DType::F32 : DType::BF16;
      const bool is_new = below(5) == 0;
      if (below(4) > 0) {
        names.push_back(std::to_string(below(1000)) + "/" + std::to_string(i));
        tensors.push_back({names.back(), {dtype, {elements}}});
        origins.push_back(is_new ? std::nullopt : std::optional(ContentOrigin{(i < 8 ? first : second).get(), at}));
      }
      at += byte_count(dtype, {elements});
    }
    const SafetensorsLayout layout = layout_safetensors(tensors, {}, &origins);
    const auto file = testing::file_of(
        layout.header + std::string(static_cast<std::size_t>(layout.file_size - std::ssize(layout.header)), 'x'));
    const FileContents read = read_safetensors(file);
    ASSERT_EQ(read.tensors.size(), tensors.size()) << seed;
    for (const TensorEntry& tensor : read.tensors) EXPECT_EQ(tensor.offset % item_size(tensor.desc.dtype), 0) << seed;

    // No other beginning of the data would keep more bytes at their place.
    std::map<std::int64_t, std::int64_t> kept;
    std::optional<std::size_t> before;
    for (const std::size_t i : layout.order) {
      if (before && tensors[*before].desc.dtype == tensors[i].desc.dtype) {
        EXPECT_TRUE(origins[*before] || !origins[i]) << seed << ": what is new comes last";
        if (origins[*before] && origins[i] && origins[*before]->file == origins[i]->file) {
          EXPECT_LE(origins[*before]->offset, origins[i]->offset) << seed;
        }
      }
      before = i;
      if (origins[i] && origins[i]->offset % 8 == layout.offsets[i] % 8)
        kept[(origins[i]->offset - layout.offsets[i] + (1 << 20)) % kSharedBlockBytes] +=
            byte_count(tensors[i].desc.dtype, tensors[i].desc.shape);
    }
    const std::int64_t here = kept[0];
    for (const auto& [shift, bytes] : kept) EXPECT_LE(bytes, here) << seed << ": shifted by " << shift;
  }
}

TEST(SafetensorsLayout, OrdersByFallingDtypeThenName) {
  std::vector<StoredTensor> tensors;
  std::deque<std::string> names;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!in_safetensors(row.dtype)) continue;
    for (const char* letter : {"b", "a"})
      tensors.push_back({names.emplace_back(letter + std::string(row.name)), {row.dtype, {8}}});
  }
  const SafetensorsLayout layout = layout_safetensors(tensors, {});
  ASSERT_EQ(layout.order.size(), tensors.size());
  for (std::size_t i = 1; i < layout.order.size(); ++i) {
    const StoredTensor &before = tensors[layout.order[i - 1]], &after = tensors[layout.order[i]];
    EXPECT_TRUE(before.desc.dtype > after.desc.dtype ||
                (before.desc.dtype == after.desc.dtype && before.name < after.name));
    EXPECT_EQ(layout.offsets[layout.order[i]],
              layout.offsets[layout.order[i - 1]] + byte_count(before.desc.dtype, before.desc.shape));
  }
}

TEST(SafetensorsLayout, RefusesWhatTheFormatCannotName) {
  const std::vector<StoredTensor> tensors{{"w", {DType::C128, {2}}}};
  EXPECT_EQ(testing::message_of([&] { static_cast<void>(layout_safetensors(tensors, {})); }),
            "a safetensors file cannot hold 'w', which is complex128");
}

TEST(SafetensorsLayout, IsReadBackAsItWasGiven) {
  std::mt19937 random(7);
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> pieces = {
      "a", "é", "\"", "\\", "\n", "\x01", "\x7f", "🧠", ".", "/", std::string(1, '\0'), " "};
  for (int round = 0; round < 200; ++round) {
    std::vector<StoredTensor> tensors;
    std::set<std::string> names;
    for (std::size_t n = below(12); n > 0; --n) {
      std::string name;
      for (std::size_t length = below(6); length > 0; --length) name += pieces[below(pieces.size())];
      const auto [kept, is_new] = names.insert(name);
      if (!is_new) continue;
      Shape shape;
      for (std::size_t rank = below(4); rank > 0; --rank) shape.push_back(static_cast<std::int64_t>(below(4)));
      shape.push_back(4 * static_cast<std::int64_t>(below(3)));  // whole bytes for 6-bit types too
      const DType dtype = all_dtypes()[below(all_dtypes().size())].dtype;
      tensors.push_back({*kept, {in_safetensors(dtype) ? dtype : DType::F32, shape}});
    }
    const Metadata metadata =
        round % 2 ? Metadata{{"z" + pieces[below(pieces.size())], "\t🧠"}, {"a", ""}} : Metadata{};
    const SafetensorsLayout layout = layout_safetensors(tensors, metadata);
    EXPECT_EQ(layout.header.size() % 8, 0u);
    const FileContents contents = read_safetensors(testing::file_of(written(tensors, metadata)));
    EXPECT_EQ(contents.metadata, metadata);
    ASSERT_EQ(contents.tensors.size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto found = std::find_if(contents.tensors.begin(), contents.tensors.end(),
                                      [&](const TensorEntry& entry) { return entry.name == tensors[i].name; });
      ASSERT_NE(found, contents.tensors.end());
      EXPECT_EQ(found->desc, tensors[i].desc);
      EXPECT_EQ(found->offset, layout.offsets[i]);
    }
  }
}

TEST(SafetensorsLayout, RefusesWhatCannotBeWritten) {
  const std::vector<StoredTensor> reserved = {{"__metadata__", {DType::U8, {1}}}};
  EXPECT_EQ(testing::message_of([&] { static_cast<void>(layout_safetensors(reserved, {})); }),
            "a tensor cannot be called '__metadata__' in a safetensors file; rename it");
  const std::vector<StoredTensor> huge = {{"a", {DType::U8, {std::int64_t{1} << 62}}},
                                          {"b", {DType::U8, {std::int64_t{1} << 62}}}};
  EXPECT_EQ(testing::message_of([&] { static_cast<void>(layout_safetensors(huge, {})); }),
            "the size of a safetensors file is too large");
  const std::string name(100'000'000, 'n');
  const std::vector<StoredTensor> long_name = {{name, {DType::U8, {1}}}};
  EXPECT_EQ(testing::message_of([&] { static_cast<void>(layout_safetensors(long_name, {})); }),
            "a safetensors header of 100000056 bytes is above the limit of 100000000; write shards instead");
}

TEST(SafetensorsLayout, AddsTheFormatPairOnlyWhereThereIsNone) {
  EXPECT_EQ(with_format_pair({}), (Metadata{{"format", "pt"}}));
  EXPECT_EQ(with_format_pair({{"z", "1"}, {"a", "2"}}), (Metadata{{"z", "1"}, {"a", "2"}, {"format", "pt"}}));
  EXPECT_EQ(with_format_pair({{"format", "mlx"}, {"a", "2"}}), (Metadata{{"format", "mlx"}, {"a", "2"}}));
}

}  // namespace
}  // namespace brainsurgery
