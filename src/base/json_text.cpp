#include "base/json_text.h"

#include <cstddef>
#include <cstdint>

#include "base/text.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_unit(std::string& to, std::uint32_t unit) {
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to.push_back(kHex[unit >> shift & 0xF]);
}

void append_as_ascii(std::string& to, std::uint32_t code) {
  if (code >= 0x10000) {
    append_unit(to, 0xD800 + ((code - 0x10000) >> 10));
    append_unit(to, 0xDC00 + ((code - 0x10000) & 0x3FF));
  } else {
    append_unit(to, code);
  }
}

// Whether the byte at the front of `text`, no control of ASCII, is written as it is.
bool stays(std::string_view text, JsonEscapes escapes) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x7F || escapes == JsonEscapes::controls_only) return true;
  const bool continues = (byte & 0xC0) == 0x80;  // of a character whose first byte stayed
  return escapes == JsonEscapes::for_terminal && (continues || is_harmless(decode_utf8(text).value));
}

}  // namespace

void append_json_string(std::string& to, std::string_view text, JsonEscapes escapes) {
  static constexpr std::string_view kShort = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  to.push_back('"');
  if (is_printable_ascii(text) && text.find('"') == text.npos && text.find('\\') == text.npos) {
    to.append(text).push_back('"');
    return;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '"' && c != '\\' && stays(text.substr(i), escapes)) {
      to.push_back(c);
    } else if (const std::size_t which = kShort.find(c); which != std::string_view::npos) {
      to.push_back('\\');
      to.push_back(kLetters[which]);
    } else if (byte < 0x20) {
      append_unit(to, byte);
    } else {
      const CodePoint code = decode_utf8(text.substr(i));
      append_as_ascii(to, static_cast<std::uint32_t>(code.value));
      i += static_cast<std::size_t>(code.length) - 1;
    }
  }
  to.push_back('"');
}

void append_utf8(std::string& to, std::uint32_t code) {
  const auto put = [&to](std::uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kLongest = 160, kEnds = 70;
  auto is_inside_character = [&](std::size_t i) { return (static_cast<unsigned char>(name[i]) & 0xC0) == 0x80; };
  std::size_t head = name.size(), tail = name.size();
  if (name.size() > kLongest) {
    for (head = kEnds; head > 0 && is_inside_character(head);) --head;
    for (tail = name.size() - kEnds; tail < name.size() && is_inside_character(tail);) ++tail;
  }
  std::string shown = escape_for_terminal(name.substr(0, head));
  if (head != tail) shown += "..." + escape_for_terminal(name.substr(tail));
  return "'" + shown + "'";
}

}  // namespace brainsurgery
