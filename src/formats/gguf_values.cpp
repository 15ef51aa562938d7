#include "formats/gguf_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <type_traits>

#include "base/json_text.h"
#include "base/text.h"
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

constexpr char32_t kInvalidByte = 0xDC00;  // and the byte, 0x80 to 0xFF: a surrogate that no valid text holds

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

template <typename Number>
bool parse_all(std::string_view text, Number& number, auto... base) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base...);
  return error == std::errc() && stop == end;
}

void append_utf8(std::string& to, char32_t code) {
  const auto add = [&to](char32_t byte) { to.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

// Takes one text apart, from front to back. Every function is false or nullopt where the text goes on differently.
class ValueParser {
 public:
  explicit ValueParser(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> number(GgufValue type) {
    const std::size_t length = std::min(rest_.find_first_of(" \t\n\r,]"), rest_.size());
    std::optional<std::string> bytes = number_bytes(type, rest_.substr(0, length));
    rest_.remove_prefix(length);
    return bytes;
  }
  std::optional<std::string> quoted() {
    if (!take('"')) return std::nullopt;
    std::string bytes;
    for (;;) {
      const std::size_t plain = rest_.find_first_of("\"\\");
      if (plain == std::string_view::npos) return std::nullopt;
      bytes += rest_.substr(0, plain);
      const bool ends = rest_[plain] == '"';
      rest_.remove_prefix(plain + 1);
      if (ends) return bytes;
      if (!append_escape(bytes)) return std::nullopt;
    }
  }

 private:
  bool append_escape(std::string& bytes) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return false;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    if (letter == 'u') return append_code(bytes);
    const std::size_t known = kLetters.find(letter);
    if (known == std::string_view::npos) return false;
    bytes.push_back(kMeanings[known]);
    return true;
  }
  bool append_code(std::string& bytes) {
    std::optional<char32_t> code = code_unit();
    if (!code) return false;
    if (*code >= kInvalidByte + 0x80 && *code <= kInvalidByte + 0xFF) {
      bytes.push_back(static_cast<char>(static_cast<unsigned char>(*code & 0xFF)));
      return true;
    }
    if (*code >= 0xD800 && *code < 0xDC00) {
      if (!take('\\') || !take('u')) return false;
      const std::optional<char32_t> low = code_unit();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      *code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    } else if (*code >= 0xDC00 && *code <= 0xDFFF) {
      return false;
    }
    append_utf8(bytes, *code);
    return true;
  }
  std::optional<char32_t> code_unit() {
    std::uint16_t unit = 0;
    if (rest_.size() < 4 || !parse_all(rest_.substr(0, 4), unit, 16)) return std::nullopt;
    rest_.remove_prefix(4);
    return unit;
  }

  std::string_view rest_;
};

}  // namespace

std::int64_t size_of(GgufValue type) { return kValueTypes[static_cast<std::size_t>(type)].bytes; }
std::string_view name_of(GgufValue type) { return kValueTypes[static_cast<std::size_t>(type)].name; }

std::optional<GgufValue> gguf_value_named(std::string_view name) {
  const auto* found = std::ranges::find(kValueTypes, name, &ValueType::name);
  if (found == kValueTypes.end()) return std::nullopt;
  return static_cast<GgufValue>(found - kValueTypes.begin());
}

std::optional<std::string> text_of(GgufValue type, std::string_view bytes) {
  if (type == GgufValue::boolean) {
    if (bytes[0] != '\0' && bytes[0] != '\1') return std::nullopt;
    return bytes[0] == '\1' ? "true" : "false";
  }
  return with_number(type, [&](auto number) -> std::optional<std::string> {
    std::memcpy(&number, bytes.data(), sizeof number);
    std::string text = fmt::format("{}", number);
    if constexpr (std::is_floating_point_v<decltype(number)>) {
      if (number_bytes(type, text) != bytes) return fmt::format("0x{:0{}x}", little_endian(bytes), 2 * bytes.size());
    }
    return text;
  });
}

void append_quoted(std::string& to, std::string_view bytes) {
  if (is_valid_utf8(bytes)) return append_json_string(to, bytes, JsonEscapes::controls_only);
  to.push_back('"');
  while (!bytes.empty()) {
    const CodePoint point = decode_utf8(bytes);
    const auto length = static_cast<std::size_t>(point.length);
    if (point.valid) {
      std::string quoted;
      append_json_string(quoted, bytes.substr(0, length), JsonEscapes::controls_only);
      to.append(quoted, 1, quoted.size() - 2);
    } else {
      to += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(kInvalidByte + point.value));
    }
    bytes.remove_prefix(length);
  }
  to.push_back('"');
}

std::optional<std::string> number_bytes(GgufValue type, std::string_view text) {
  if (type == GgufValue::boolean) {
    if (text == "true") return std::string(1, '\1');
    if (text == "false") return std::string(1, '\0');
    return std::nullopt;
  }
  return with_number(type, [&](auto number) -> std::optional<std::string> {
    std::string bytes(sizeof number, '\0');
    if (std::is_floating_point_v<decltype(number)> && text.starts_with("0x")) {
      std::uint64_t bits = 0;
      if (text.size() != 2 + 2 * bytes.size() || !parse_all(text.substr(2), bits, 16)) return std::nullopt;
      bytes.clear();
      append_little_endian(bytes, bits, sizeof number);
      return bytes;
    }
    if (!parse_all(text, number)) return std::nullopt;
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
  });
}

std::optional<std::string> unquoted(std::string_view text) {
  ValueParser parser(text);
  std::optional<std::string> bytes = parser.quoted();
  return parser.at_end() ? std::move(bytes) : std::nullopt;
}

std::optional<std::string> array_bytes(GgufValue element, std::string_view text) {
  ValueParser parser(text);
  std::string elements;
  std::uint64_t count = 0;
  if (!parser.take('[')) return std::nullopt;
  parser.skip_blanks();
  while (!parser.take(']')) {
    if (count > 0 && !parser.take(',')) return std::nullopt;
    parser.skip_blanks();
    const std::optional<std::string> value = element == GgufValue::string ? parser.quoted() : parser.number(element);
    if (!value) return std::nullopt;
    if (element == GgufValue::string) append_little_endian(elements, value->size(), 8);
    elements += *value;
    ++count;
    parser.skip_blanks();
  }
  if (!parser.at_end()) return std::nullopt;
  std::string bytes;
  append_little_endian(bytes, count, 8);
  return bytes + elements;
}

}  // namespace brainsurgery
