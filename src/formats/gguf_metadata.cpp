#include "formats/gguf_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "formats/gguf_blocks.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kArchitecture = "general.architecture";
constexpr std::string_view kFileType = "general.file_type";
constexpr std::string_view kQuantizationVersion = "general.quantization_version";
constexpr std::string_view kSafetensorsFormat = "format";
constexpr std::string_view kOmitted = "omitted";
constexpr std::string_view kArrayMark = "[]";

// The place of a file among several.
constexpr std::array<std::string_view, 3> kOfSplit = {"split.no", "split.count", "split.tensors.count"};

// A key with its last colon's suffix taken as a type.
struct ParsedKey {
  std::string_view key;
  GgufValue type = GgufValue::string;
  GgufValue element = GgufValue::string;  // of an array
  bool has_suffix = false;
  bool omitted = false;
};

ParsedKey parse_key(std::string_view key) {
  const std::size_t colon = key.rfind(':');
  if (colon == std::string_view::npos) return {.key = key};
  std::string_view suffix = key.substr(colon + 1);
  ParsedKey parsed{.key = key.substr(0, colon), .has_suffix = true};
  if (suffix == kOmitted) {
    parsed.omitted = true;
    return parsed;
  }
  const bool is_array = suffix.ends_with(kArrayMark);
  if (is_array) suffix.remove_suffix(kArrayMark.size());
  const std::optional<GgufValue> named = gguf_value_named(suffix);
  if (!named || named == GgufValue::array) return {.key = key};
  parsed.type = is_array ? GgufValue::array : *named;
  if (is_array) parsed.element = *named;
  return parsed;
}

struct Pair {
  std::string_view key;
  GgufValue type = GgufValue::string;
  std::string value;  // as in the file, behind the type
};

std::string file_string(std::string_view bytes) {
  std::string value;
  append_gguf_string(value, bytes);
  return value;
}

// Text that only looks like a typed pair is kept as it is.
Pair parse_pair(std::string_view full_key, std::string_view text) {
  const ParsedKey parsed = parse_key(full_key);
  std::optional<std::string> value;
  if (parsed.type == GgufValue::array) {
    if (const auto elements = array_bytes(parsed.element, text)) {
      value.emplace();
      append_u32(*value, static_cast<std::uint32_t>(parsed.element));
      *value += *elements;
    }
  } else if (parsed.type != GgufValue::string) {
    value = number_bytes(parsed.type, text);
  } else if (parsed.has_suffix) {
    if (const auto bytes = unquoted(text)) value = file_string(*bytes);
  }
  if (!value) return {full_key, GgufValue::string, file_string(text)};
  return {parsed.key, parsed.type, std::move(*value)};
}

// Which files `general.file_type` calls mostly of a plain type. Source: llama.cpp, llama_ftype.
std::optional<std::uint32_t> plain_file_type(std::uint64_t file_type) {
  constexpr std::uint32_t kF32 = 0, kF16 = 1, kBf16 = 30;
  switch (file_type) {
    case 0:
      return kF32;
    case 1:
      return kF16;
    case 32:
      return kBf16;
    default:
      return std::nullopt;
  }
}

bool is_quantised(std::uint32_t type) {
  const GgufType* known = gguf_type(type);
  return known != nullptr && !known->dtype;
}

// Whether a pair is true of a file with tensors of these types.
bool holds(const Pair& pair, const std::set<std::uint32_t>& types) {
  if (std::ranges::find(kOfSplit, pair.key) != kOfSplit.end()) return false;
  if (pair.key == kGgufAlignmentKey) return pair.type == GgufValue::u32 && is_gguf_alignment(little_endian(pair.value));
  const bool quantised = std::ranges::any_of(types, is_quantised);
  if (pair.key == kQuantizationVersion) return quantised;
  if (pair.key != kFileType) return true;
  const auto plain = pair.type == GgufValue::u32 ? plain_file_type(little_endian(pair.value)) : std::nullopt;
  return plain ? types.contains(*plain) : quantised;
}

}  // namespace

bool is_gguf_alignment(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes <= static_cast<std::uint64_t>(kMaxGgufAlignment);
}

std::optional<std::string> problem_of_gguf_pair(std::string_view key, std::string_view value) {
  const ParsedKey parsed = parse_key(key);
  if (!parsed.has_suffix || parsed.omitted || parse_pair(key, value).key != key) return std::nullopt;
  return fmt::format("'{}' is not a value of type {}", value, key.substr(key.rfind(':') + 1));
}

Metadata::value_type text_pair(std::string_view key, std::string_view bytes) {
  if (!parse_key(key).has_suffix && key != kSafetensorsFormat && is_valid_utf8(bytes))
    return {std::string(key), std::string(bytes)};
  std::string quoted;
  append_quoted(quoted, bytes);
  return {typed_key(key, GgufValue::string), std::move(quoted)};
}

std::string typed_key(std::string_view key, GgufValue type) {
  return std::string(key) + ":" + std::string(name_of(type));
}

std::string array_key(std::string_view key, GgufValue element) {
  return typed_key(key, element) + std::string(kArrayMark);
}

std::string omitted_key(std::string_view key) { return std::string(key) + ":" + std::string(kOmitted); }

std::int64_t gguf_alignment(const Metadata& metadata) {
  const auto named =
      std::ranges::find(metadata, typed_key(kGgufAlignmentKey, GgufValue::u32), &Metadata::value_type::first);
  if (named == metadata.end()) return kGgufAlignment;
  const std::optional<std::string> bytes = number_bytes(GgufValue::u32, named->second);
  const std::uint64_t alignment = bytes ? little_endian(*bytes) : 0;
  return is_gguf_alignment(alignment) ? static_cast<std::int64_t>(alignment) : kGgufAlignment;
}

std::uint64_t append_gguf_metadata(std::string& header, const Metadata& metadata,
                                   const std::set<std::uint32_t>& types) {
  std::vector<std::string_view> keys;
  const auto append_pair = [&](const Pair& pair) {
    keys.push_back(pair.key);
    append_gguf_string(header, pair.key);
    append_u32(header, static_cast<std::uint32_t>(pair.type));
    header += pair.value;
  };
  const bool has_architecture =
      std::ranges::any_of(metadata, [](const auto& pair) { return parse_key(pair.first).key == kArchitecture; });
  if (!has_architecture) append_pair({kArchitecture, GgufValue::string, file_string("unknown")});
  for (const auto& [key, text] : metadata) {
    if (key == kSafetensorsFormat || parse_key(key).omitted) continue;
    const Pair pair = parse_pair(key, text);
    if (holds(pair, types)) append_pair(pair);
  }
  if (const auto twice = find_duplicate(keys)) {
    throw Error(ErrorCode::run, "the metadata have two values for the GGUF key " + in_quotes(keys[twice->first]));
  }
  return keys.size();
}

void append_u32(std::string& header, std::uint32_t value) { append_little_endian(header, value, 4); }

void append_u64(std::string& header, std::uint64_t value) { append_little_endian(header, value, 8); }

void append_gguf_string(std::string& header, std::string_view text) {
  append_u64(header, text.size());
  header += text;
}

}  // namespace brainsurgery
