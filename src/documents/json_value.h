// JSON documents that people and programs edit by hand: config.json and its like. What is not edited keeps its spelling.
//
//   JsonValue root = parse_json(text, "'m/config.json'");
//   set_at(root, *parse_json_path("rope_scaling.factor"), json_number("8.0"));
//   env.write(to_text(root));
//
// Python's json module is what writes and reads these files: NaN, Infinity and -Infinity are numbers too. From strangers:
// at most kMaxDocumentBytes, kMaxDepth inside of each other, kMaxValues; keys are unique, text is UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

inline constexpr std::int64_t kMaxDocumentBytes = 16 << 20;

struct JsonMember;

struct JsonValue {
  enum class Kind : std::uint8_t { object, array, string, number, boolean, null };
  static constexpr int kMaxDepth = 128;
  static constexpr std::size_t kMaxValues = 1'000'000;

  Kind kind = Kind::null;
  std::string text = "null";  // of a scalar, as it is written
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;  // in the order of the file

  [[nodiscard]] const JsonValue* find(std::string_view key) const;
  [[nodiscard]] JsonValue* find(std::string_view key);
  // Of a number without fraction and exponent, within 64 bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  // Of a string, without escapes.
  [[nodiscard]] std::optional<std::string> string() const;
};

struct JsonMember {
  std::string key;      // without escapes
  std::string written;  // with quotes, as it stands in the file
  JsonValue value;
};

// Throws Error(run) that begins with `shown` and names line and column.
[[nodiscard]] JsonValue parse_json(std::string_view text, const std::string& shown);
// Indented by two blanks, ended by a newline: as Python's json.dumps(indent=2) does.
[[nodiscard]] std::string to_text(const JsonValue& root);
// On one line, cut where it is long: for messages.
[[nodiscard]] std::string shown(const JsonValue& value);

[[nodiscard]] JsonValue json_string(std::string_view text);  // UTF-8
[[nodiscard]] JsonValue json_number(std::string text);       // as it is to be written
[[nodiscard]] JsonValue json_integer(std::int64_t value);
[[nodiscard]] JsonValue json_boolean(bool value);

// Keys that lead to a value, "text_config.rope_scaling.factor": a point inside of a key has a backslash before it, and an
// entry of a list has its number. nullopt for an empty key.
using JsonPath = std::vector<std::string>;
[[nodiscard]] std::optional<JsonPath> parse_json_path(std::string_view text);
[[nodiscard]] std::string to_string(const JsonPath& path);

[[nodiscard]] const JsonValue* find_at(const JsonValue& root, const JsonPath& path);
// Puts the value there; objects that are missing on the way are made. Throws Error(plan) where something else stands in
// the way, or a list is too short.
void set_at(JsonValue& root, const JsonPath& path, JsonValue value);
// False: there was nothing.
bool erase_at(JsonValue& root, const JsonPath& path);

}  // namespace brainsurgery
