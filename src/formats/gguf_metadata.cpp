#include "formats/gguf_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

struct ValueType {
  std::string_view name;
  std::int64_t bytes;
};

constexpr std::array<ValueType, kGgufValues> kValueTypes = {{{"u8", 1},
                                                             {"i8", 1},
                                                             {"u16", 2},
                                                             {"i16", 2},
                                                             {"u32", 4},
                                                             {"i32", 4},
                                                             {"f32", 4},
                                                             {"bool", 1},
                                                             {"string", 0},
                                                             {"array", 0},
                                                             {"u64", 8},
                                                             {"i64", 8},
                                                             {"f64", 8}}};

constexpr std::string_view kArchitecture = "general.architecture";

// Keys that are true of the file they were read from only.
constexpr std::array<std::string_view, 6> kOfOneFile = {"general.alignment", "general.quantization_version",
                                                        "general.file_type", "split.no",
                                                        "split.count",       "split.tensors.count"};

// Calls use(T()) with the C++ type of a number; a truth value counts as one byte.
template <typename Use>
auto with_number(GgufValue type, Use use) {
  switch (type) {
    case GgufValue::i8:
      return use(std::int8_t());
    case GgufValue::u16:
      return use(std::uint16_t());
    case GgufValue::i16:
      return use(std::int16_t());
    case GgufValue::u32:
      return use(std::uint32_t());
    case GgufValue::i32:
      return use(std::int32_t());
    case GgufValue::f32:
      return use(float());
    case GgufValue::u64:
      return use(std::uint64_t());
    case GgufValue::i64:
      return use(std::int64_t());
    case GgufValue::f64:
      return use(double());
    default:
      return use(std::uint8_t());
  }
}

// The bytes of a number or truth value; nullopt where the text is not exactly one of the type.
std::optional<std::string> bytes_of(GgufValue type, std::string_view text) {
  if (type == GgufValue::boolean) {
    if (text == "true") return std::string(1, '\1');
    if (text == "false") return std::string(1, '\0');
    return std::nullopt;
  }
  return with_number(type, [&](auto number) -> std::optional<std::string> {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return std::nullopt;
    std::string bytes(sizeof number, '\0');
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
  });
}

struct TypedKey {
  std::string_view key;
  GgufValue type;
};

// A key whose last colon is followed by the name of a type; else a string's.
TypedKey parse_key(std::string_view key) {
  const std::size_t colon = key.rfind(':');
  if (colon == std::string_view::npos) return {key, GgufValue::string};
  const std::string_view suffix = key.substr(colon + 1);
  const auto* found =
      std::find_if(kValueTypes.begin(), kValueTypes.end(), [&](const ValueType& type) { return type.name == suffix; });
  if (found == kValueTypes.end()) return {key, GgufValue::string};
  return {key.substr(0, colon), static_cast<GgufValue>(found - kValueTypes.begin())};
}

}  // namespace

std::int64_t size_of(GgufValue type) { return kValueTypes[static_cast<std::size_t>(type)].bytes; }
std::string_view name_of(GgufValue type) { return kValueTypes[static_cast<std::size_t>(type)].name; }

std::optional<std::string> text_of(GgufValue type, std::string_view bytes) {
  if (type == GgufValue::boolean) {
    if (bytes[0] != '\0' && bytes[0] != '\1') return std::nullopt;
    return bytes[0] == '\1' ? "true" : "false";
  }
  return with_number(type, [&](auto number) -> std::optional<std::string> {
    std::memcpy(&number, bytes.data(), sizeof number);
    if constexpr (std::is_floating_point_v<decltype(number)>) {
      return fmt::format("{}", number);
    } else {
      return std::to_string(number);
    }
  });
}

std::uint64_t append_gguf_metadata(std::string& header, const Metadata& metadata) {
  std::vector<std::string_view> keys;
  auto append_pair = [&](std::string_view key, GgufValue type, std::string_view value) {
    keys.push_back(key);
    append_gguf_string(header, key);
    append_u32(header, static_cast<std::uint32_t>(type));
    if (type == GgufValue::string) {
      append_gguf_string(header, value);
    } else {
      header += value;
    }
  };
  const bool has_architecture =
      std::any_of(metadata.begin(), metadata.end(), [](const auto& pair) { return pair.first == kArchitecture; });
  if (!has_architecture) append_pair(kArchitecture, GgufValue::string, "unknown");
  for (const auto& [full_key, value] : metadata) {
    const auto [key, type] = parse_key(full_key);
    if (type == GgufValue::array || std::find(kOfOneFile.begin(), kOfOneFile.end(), key) != kOfOneFile.end()) continue;
    const std::optional<std::string> number = type == GgufValue::string ? std::nullopt : bytes_of(type, value);
    // A text that only looks like a typed pair is kept as it is.
    if (number) {
      append_pair(key, type, *number);
    } else {
      append_pair(full_key, GgufValue::string, value);
    }
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
