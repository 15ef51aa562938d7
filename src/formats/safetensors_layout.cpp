// The writer's half of safetensors.h. The format is drawn in safetensors.cpp.
#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kMetadataName = "__metadata__";
constexpr std::size_t kLengthField = 8;
constexpr std::int64_t kHeaderAlignment = 8;  // of the data, for the widest dtype
constexpr std::string_view kFileSize = "the size of a safetensors file";

// By falling dtype, then by name in byte order. Source: prepare() of the safetensors library, release 0.8.
std::vector<std::size_t> file_order(std::span<const StoredTensor> tensors) {
  // Side by side, since there may be hundreds of thousands.
  struct Key {
    DType dtype;
    std::string_view name;
    std::size_t index;
  };
  std::vector<Key> keys;
  keys.reserve(tensors.size());
  for (const StoredTensor& tensor : tensors) keys.push_back({tensor.desc.dtype, tensor.name, keys.size()});
  // Stable, since stretches of them are in order already.
  std::stable_sort(keys.begin(), keys.end(),
                   [](const Key& a, const Key& b) { return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name; });
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const Key& key : keys) order.push_back(key.index);
  return order;
}

using Origins = std::vector<std::optional<ContentOrigin>>;

// By falling dtype too, so that every tensor is aligned; then as the tensors stand in the files that they come from,
// these by their first tensor; what comes from no file last, by name.
std::vector<std::size_t> order_of_origins(std::span<const StoredTensor> tensors, const Origins& origins) {
  std::map<const ReadableFile*, std::size_t> first_tensor;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (origins[i]) first_tensor.emplace(origins[i]->file, i);
  }
  const auto key = [&](std::size_t i) {
    const bool is_new = !origins[i];
    return std::tuple(-static_cast<int>(tensors[i].desc.dtype), is_new, is_new ? 0 : first_tensor.at(origins[i]->file),
                      is_new ? 0 : origins[i]->offset, std::string_view(tensors[i].name));
  };
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, key);
  return order;
}

// Where the data should begin, modulo a block, for most bytes to keep the place in their block. `offsets` are from the
// beginning of the data.
std::int64_t best_begin(std::span<const StoredTensor> tensors, const std::vector<std::int64_t>& offsets,
                        const Origins& origins) {
  std::map<std::int64_t, std::int64_t> bytes_by_begin;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!origins[i]) continue;
    const std::int64_t difference = origins[i]->offset - offsets[i];
    const std::int64_t begin = (difference % kSharedBlockBytes + kSharedBlockBytes) % kSharedBlockBytes;
    if (begin % kHeaderAlignment == 0) bytes_by_begin[begin] += byte_count(tensors[i].desc.dtype, tensors[i].desc.shape);
  }
  const auto best = std::ranges::max_element(bytes_by_begin, {}, [](const auto& entry) { return entry.second; });
  return best == bytes_by_begin.end() ? 0 : best->first;
}

void append_key(std::string& json, std::string_view key) {
  if (json.back() != '{') json.push_back(',');
  append_json_string(json, key, JsonEscapes::controls_only);
  json.push_back(':');
}

void append_metadata(std::string& json, const Metadata& metadata) {
  if (metadata.empty()) return;
  append_key(json, kMetadataName);
  json.push_back('{');
  for (const auto& [key, value] : metadata) {
    append_key(json, key);
    append_json_string(json, value, JsonEscapes::controls_only);
  }
  json.push_back('}');
}

void append_entry(std::string& json, const StoredTensor& tensor, std::int64_t begin, std::int64_t end) {
  append_key(json, tensor.name);
  json += "{\"dtype\":\"";
  json += info(tensor.desc.dtype).name;
  json += "\",\"shape\":[";
  for (std::size_t i = 0; i < tensor.desc.shape.size(); ++i) {
    if (i > 0) json.push_back(',');
    json += std::to_string(tensor.desc.shape[i]);
  }
  json += "],\"data_offsets\":[";
  json += std::to_string(begin);
  json.push_back(',');
  json += std::to_string(end);
  json += "]}";
}

// `header` is the JSON behind room for the length word: fills that in, and appends spaces until the data would begin at
// `begin` modulo `block`.
void finish_header(std::string& header, std::int64_t begin, std::int64_t block) {
  const std::int64_t end = std::ssize(header);
  header.append(static_cast<std::size_t>(((begin - end) % block + block) % block), ' ');
  const std::size_t length = header.size() - kLengthField;
  if (std::cmp_greater(length, kMaxSafetensorsHeader)) {
    throw Error(ErrorCode::run, "a safetensors header of " + std::to_string(length) + " bytes is above the limit of " +
                                    std::to_string(kMaxSafetensorsHeader) + "; write shards instead");
  }
  std::string word;
  append_little_endian(word, length, kLengthField);
  header.replace(0, kLengthField, word);
}

// About the length of the entries.
std::size_t expected_length(std::span<const StoredTensor> tensors) {
  constexpr std::size_t kEntry = 88;  // without the name
  std::size_t length = kLengthField;
  for (const StoredTensor& tensor : tensors) length += kEntry + tensor.name.size();
  return length;
}

}  // namespace

SafetensorsLayout layout_safetensors(std::span<const StoredTensor> tensors, const Metadata& metadata,
                                     const std::vector<std::optional<ContentOrigin>>* origins) {
  SafetensorsLayout layout;
  layout.order = origins == nullptr ? file_order(tensors) : order_of_origins(tensors, *origins);
  layout.offsets.resize(tensors.size());
  std::string& json = layout.header;
  json.reserve(expected_length(tensors));
  json.assign(kLengthField, '\0');
  json.push_back('{');
  append_metadata(json, metadata);
  std::int64_t begin = 0;
  for (const std::size_t i : layout.order) {
    if (tensors[i].name == kMetadataName) {
      throw Error(ErrorCode::run, "a tensor cannot be called '__metadata__' in a safetensors file; rename it");
    }
    if (!in_safetensors(tensors[i].desc.dtype)) {
      throw Error(ErrorCode::run, "a safetensors file cannot hold " + in_quotes(tensors[i].name) + ", which is " +
                                      to_string(tensors[i].desc.dtype));
    }
    layout.offsets[i] = begin;
    const std::int64_t end = checked_add(begin, byte_count(tensors[i].desc.dtype, tensors[i].desc.shape), kFileSize);
    append_entry(json, tensors[i], begin, end);
    begin = end;
  }
  json.push_back('}');
  if (origins == nullptr) {
    finish_header(json, 0, kHeaderAlignment);
  } else {
    finish_header(json, best_begin(tensors, layout.offsets, *origins), kSharedBlockBytes);
  }
  const auto data_begin = static_cast<std::int64_t>(layout.header.size());
  for (std::int64_t& offset : layout.offsets) offset += data_begin;
  layout.file_size = checked_add(data_begin, begin, kFileSize);
  return layout;
}

FileLayout layout_safetensors_file(const FileRequest& request) {
  Origins origins;
  if (request.origins != nullptr) {
    for (const StoredTensor& tensor : request.tensors) origins.push_back((*request.origins)[tensor.content]);
  }
  SafetensorsLayout plan = layout_safetensors(request.tensors, with_format_pair(request.metadata),
                                              request.origins == nullptr ? nullptr : &origins);
  FileLayout layout;
  layout.reserve(1 + plan.order.size());
  layout.add(std::move(plan.header));
  for (const std::size_t i : plan.order) {
    const std::size_t content = request.tensors[i].content;
    layout.add_content(content, request.content_bytes[content]);
  }
  BS_CHECK(layout.size() == plan.file_size);
  return layout;
}

Metadata with_format_pair(Metadata metadata) {
  const bool has_format =
      std::any_of(metadata.begin(), metadata.end(), [](const auto& pair) { return pair.first == "format"; });
  if (!has_format) metadata.emplace_back("format", "pt");
  return metadata;
}

}  // namespace brainsurgery
