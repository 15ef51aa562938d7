#include "formats/json_cursor.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "base/interrupt.h"
#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

// Position of the first byte that is not part of valid UTF-8. Headers are nearly all ASCII: eight bytes at a time.
std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const CodePoint code = decode_utf8(text.substr(i));
    if (!code.valid) return i;
    i += static_cast<std::size_t>(code.length);
  }
  return std::nullopt;
}

}  // namespace

JsonCursor::JsonCursor(std::string_view text, std::string context) : text_(text), context_(std::move(context)) {
  if (auto bad = find_invalid_utf8(text)) fail("not valid UTF-8 at byte " + std::to_string(*bad));
}

void JsonCursor::fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }

void JsonCursor::fail_syntax(const std::string& what) const {
  fail("not valid JSON at byte " + std::to_string(at_) + ": " + what);
}

void JsonCursor::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') break;
    ++at_;
  }
}

char JsonCursor::next_char() {
  if (at_ < text_.size() && text_[at_] > ' ') return text_[at_];  // compact JSON has no space to skip
  skip_space();
  if (at_ == text_.size()) fail_syntax("the text ends too early");
  return text_[at_];
}

JsonCursor::Kind JsonCursor::peek() {
  const char c = next_char();
  switch (c) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      if (c == '-' || is_digit(c)) return Kind::number;
      fail_syntax("expected a value");
  }
}

void JsonCursor::enter(char bracket) {
  if (next_char() != bracket) fail_syntax(std::string("expected '") + bracket + "'");
  if (depth_ == kMaxDepth) fail_syntax("nested more than " + std::to_string(kMaxDepth) + " deep");
  ++at_;
  fresh_[static_cast<std::size_t>(depth_++)] = true;
}

// Steps to the next item inside the innermost bracket; false, and out of it, at its end.
bool JsonCursor::advance(char close) {
  throw_if_interrupted();
  bool& fresh = fresh_[static_cast<std::size_t>(depth_ - 1)];
  char c = next_char();
  if (c == close) {
    ++at_;
    --depth_;
    return false;
  }
  if (!fresh) {
    if (c != ',') fail_syntax(std::string("expected ',' or '") + close + "'");
    ++at_;
    c = next_char();
    if (c == close) fail_syntax("a comma with nothing after it");
  }
  fresh = false;
  return true;
}

void JsonCursor::enter_object() { enter('{'); }
void JsonCursor::enter_array() { enter('['); }
bool JsonCursor::next_element() { return advance(']'); }

std::optional<std::string_view> JsonCursor::next_key() {
  if (!advance('}')) return std::nullopt;
  const std::string_view key = string();
  if (next_char() != ':') fail_syntax("expected ':'");
  ++at_;
  return key;
}

std::string_view JsonCursor::string() {
  if (next_char() != '"') fail_syntax("expected a string");
  const std::size_t begin = ++at_;
  const std::string_view plain = text_.substr(begin, text_.find('"', begin) - begin);
  if (begin + plain.size() < text_.size() && is_printable_ascii(plain) && plain.find('\\') == std::string_view::npos) {
    at_ += plain.size() + 1;
    return plain;
  }
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') return text_.substr(begin, at_++ - begin);
    if (c == '\\') return string_with_escapes(begin);
    if (static_cast<unsigned char>(c) < 0x20) fail_syntax("control character in a string");
  }
  fail_syntax("a string without end");
}

std::string_view JsonCursor::string_with_escapes(std::size_t begin) {
  decoded_.assign(text_.substr(begin, at_ - begin));
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (static_cast<unsigned char>(c) < 0x20) fail_syntax("control character in a string");
    ++at_;
    if (c == '"') return decoded_;
    if (c == '\\') {
      append_escape();
    } else {
      decoded_.push_back(c);
    }
  }
  fail_syntax("a string without end");
}

std::uint32_t JsonCursor::escaped_code_unit() {
  if (text_.size() - at_ < 4) fail_syntax("unfinished \\u escape");
  std::uint32_t unit = 0;
  const char* begin = text_.data() + at_;
  if (std::from_chars(begin, begin + 4, unit, 16).ptr != begin + 4) fail_syntax("a \\u escape needs four hex digits");
  at_ += 4;
  return unit;
}

void JsonCursor::append_escape() {
  static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  if (at_ == text_.size()) fail_syntax("a string without end");
  const char letter = text_[at_++];
  if (letter != 'u') {
    const std::size_t which = kLetters.find(letter);
    if (which == std::string_view::npos) fail_syntax("unknown escape in a string");
    decoded_.push_back(kMeanings[which]);
    return;
  }
  std::uint32_t code = escaped_code_unit();
  if (code >= 0xD800 && code <= 0xDFFF) {
    if (code >= 0xDC00 || text_.substr(at_, 2) != "\\u") fail_syntax("half of a surrogate pair");
    at_ += 2;
    const std::uint32_t low = escaped_code_unit();
    if (low < 0xDC00 || low > 0xDFFF) fail_syntax("half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(decoded_, code);
}

// The text of a number, checked against the grammar.
std::string_view JsonCursor::number() {
  if (peek() != Kind::number) fail_syntax("expected a number");
  const std::size_t begin = at_;
  auto digits = [&] {
    const std::size_t first = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ == first) fail_syntax("a number without digits");
  };
  auto at_any = [&](std::string_view set) {
    return at_ < text_.size() && set.find(text_[at_]) != std::string_view::npos;
  };
  if (at_any("-")) ++at_;
  if (at_any("0")) {
    ++at_;
    if (at_any("0123456789")) fail_syntax("a number with a leading zero");
  } else {
    digits();
  }
  if (at_any(".")) {
    ++at_;
    digits();
  }
  if (at_any("eE")) {
    ++at_;
    if (at_any("+-")) ++at_;
    digits();
  }
  return text_.substr(begin, at_ - begin);
}

std::optional<std::uint64_t> JsonCursor::unsigned_integer() {
  const std::string_view digits = number();
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [ptr, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || ptr != end) return std::nullopt;
  return value;
}

void JsonCursor::null() {
  if (next_char() != 'n' || text_.substr(at_, 4) != "null") fail_syntax("expected null");
  at_ += 4;
}

void JsonCursor::skip_value() {
  switch (peek()) {
    case Kind::object:
      enter_object();
      while (next_key()) skip_value();
      break;
    case Kind::array:
      enter_array();
      while (next_element()) skip_value();
      break;
    case Kind::string:
      static_cast<void>(string());
      break;
    case Kind::number:
      static_cast<void>(number());
      break;
    case Kind::null:
      null();
      break;
    case Kind::boolean: {
      const std::string_view word = text_[at_] == 't' ? "true" : "false";
      if (text_.substr(at_, word.size()) != word) fail_syntax("expected a value");
      at_ += word.size();
      break;
    }
  }
}

void JsonCursor::finish() {
  skip_space();
  if (at_ != text_.size()) fail_syntax("text after the end");
}

}  // namespace brainsurgery
