#include "documents/json_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

using Kind = JsonValue::Kind;

void print(std::string& out, const JsonValue& value, int indent) {
  const std::string inner(static_cast<std::size_t>(indent) * 2 + 2, ' '), outer(static_cast<std::size_t>(indent) * 2, ' ');
  const bool is_object = value.kind == Kind::object;
  if (!is_object && value.kind != Kind::array) {
    out += value.text;
    return;
  }
  const std::size_t count = is_object ? value.members.size() : value.items.size();
  if (count == 0) {
    out += is_object ? "{}" : "[]";
    return;
  }
  out += is_object ? "{\n" : "[\n";
  for (std::size_t i = 0; i < count; ++i) {
    out += inner;
    if (is_object) out += value.members[i].written + ": ";
    print(out, is_object ? value.members[i].value : value.items[i], indent + 1);
    out += i + 1 < count ? ",\n" : "\n";
  }
  out += outer + (is_object ? '}' : ']');
}

constexpr std::size_t kShownBytes = 60;

void print_short(std::string& out, const JsonValue& value) {
  if (out.size() > kShownBytes) return;
  if (value.kind == Kind::object) {
    out += '{';
    for (std::size_t i = 0; i < value.members.size() && out.size() <= kShownBytes; ++i) {
      out += (i == 0 ? "" : ", ") + value.members[i].written + ": ";
      print_short(out, value.members[i].value);
    }
    out += '}';
  } else if (value.kind == Kind::array) {
    out += '[';
    for (std::size_t i = 0; i < value.items.size() && out.size() <= kShownBytes; ++i) {
      if (i > 0) out += ", ";
      print_short(out, value.items[i]);
    }
    out += ']';
  } else {
    out += value.text;
  }
}

std::string_view kind_of(const JsonValue& value) {
  switch (value.kind) {
    case Kind::object:
      return "an object";
    case Kind::array:
      return "a list";
    case Kind::string:
      return "a string";
    case Kind::number:
      return "a number";
    case Kind::boolean:
      return "true or false";
    case Kind::null:
      break;
  }
  return "null";
}

// The entry of a list that a key names.
std::optional<std::size_t> place_in(const JsonValue& list, std::string_view key) {
  std::size_t place = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), place);
  if (error != std::errc() || end != key.data() + key.size() || place >= list.items.size()) return std::nullopt;
  return place;
}

JsonValue* child_of(JsonValue& value, const std::string& key) {
  if (value.kind != Kind::array) return value.find(key);
  const std::optional<std::size_t> place = place_in(value, key);
  return place ? &value.items[*place] : nullptr;
}

std::string written(std::string_view text) {
  std::string result;
  append_json_string(result, text, JsonEscapes::ascii);
  return result;
}

JsonValue of_kind(Kind kind, std::string text) {
  JsonValue value;
  value.kind = kind;
  value.text = std::move(text);
  return value;
}

[[noreturn]] void refuse_way(const JsonPath& path, std::size_t count, const JsonValue& there) {
  const std::string key = to_string(JsonPath(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(count)));
  if (there.kind == Kind::array) {
    throw Error(ErrorCode::plan, fmt::format("'{}': '{}' is a list of {}, which has no entry '{}'", to_string(path), key,
                                             there.items.size(), path[count]));
  }
  throw Error(ErrorCode::plan, fmt::format("'{}': '{}' is {}, not an object", to_string(path), key, kind_of(there)));
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  const auto member = std::ranges::find(members, key, &JsonMember::key);
  return member == members.end() ? nullptr : &member->value;
}

JsonValue* JsonValue::find(std::string_view key) {
  const auto member = std::ranges::find(members, key, &JsonMember::key);
  return member == members.end() ? nullptr : &member->value;
}

std::optional<std::int64_t> JsonValue::integer() const {
  std::int64_t value = 0;
  if (kind != Kind::number) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string to_text(const JsonValue& root) {
  std::string out;
  print(out, root, 0);
  return out + "\n";
}

std::string shown(const JsonValue& value) {
  std::string out;
  print_short(out, value);
  if (out.size() <= kShownBytes) return out;
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not within a character
  return out.substr(0, end) + "...";
}

JsonValue json_string(std::string_view text) { return of_kind(Kind::string, written(text)); }
JsonValue json_number(std::string text) { return of_kind(Kind::number, std::move(text)); }
JsonValue json_integer(std::int64_t value) { return of_kind(Kind::number, std::to_string(value)); }
JsonValue json_boolean(bool value) { return of_kind(Kind::boolean, value ? "true" : "false"); }

std::optional<JsonPath> parse_json_path(std::string_view text) {
  JsonPath path(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '.' || text[i + 1] == '\\')) {
      path.back() += text[++i];
    } else if (text[i] == '.') {
      if (path.back().empty()) return std::nullopt;
      path.emplace_back();
    } else {
      path.back() += text[i];
    }
  }
  return path.back().empty() ? std::nullopt : std::optional(std::move(path));
}

std::string to_string(const JsonPath& path) {
  std::string text;
  for (const std::string& key : path) {
    if (!text.empty()) text += '.';
    for (const char c : key) {
      if (c == '.' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

const JsonValue* find_at(const JsonValue& root, const JsonPath& path) {
  auto* value = const_cast<JsonValue*>(&root);  // child_of changes nothing
  for (const std::string& key : path) {
    value = child_of(*value, key);
    if (value == nullptr) return nullptr;
  }
  return value;
}

void set_at(JsonValue& root, const JsonPath& path, JsonValue value) {
  JsonValue* at = &root;
  for (std::size_t i = 0; i < path.size(); ++i) {
    JsonValue* child = child_of(*at, path[i]);
    if (child == nullptr) {
      if (at->kind != Kind::object) refuse_way(path, i, *at);
      at->members.push_back({path[i], written(path[i]), i + 1 < path.size() ? of_kind(Kind::object, "") : JsonValue()});
      child = &at->members.back().value;
    }
    at = child;
  }
  *at = std::move(value);
}

bool erase_at(JsonValue& root, const JsonPath& path) {
  JsonValue* at = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    at = child_of(*at, path[i]);
    if (at == nullptr) return false;
  }
  if (at->kind == Kind::array) {
    const std::optional<std::size_t> place = place_in(*at, path.back());
    if (place) at->items.erase(at->items.begin() + static_cast<std::ptrdiff_t>(*place));
    return place.has_value();
  }
  return std::erase_if(at->members, [&](const JsonMember& member) { return member.key == path.back(); }) > 0;
}

}  // namespace brainsurgery
