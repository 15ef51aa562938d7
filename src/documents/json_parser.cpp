// parse_json: a recursive descent of bounded depth over RFC 8259 and Python's three words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/ascii.h"
#include "base/interrupt.h"
#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "documents/json_value.h"

namespace brainsurgery {
namespace {

using Kind = JsonValue::Kind;

class Parser {
 public:
  Parser(std::string_view text, const std::string& shown) : text_(text), shown_(shown) {}

  JsonValue parse() {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kMark)) at_ = kMark.size();
    JsonValue root = value(0);
    if (peek() != '\0' || at_ < text_.size()) fail("something follows the value");
    return root;
  }

  // The characters of the string literal at the place.
  std::string string_content() {
    std::string content;
    ++at_;
    for (;;) {
      if (at_ >= text_.size()) fail("a string without an end");
      const char c = text_[at_++];
      if (c == '"') return content;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\') {
        append_escape(content);
      } else {
        content += c;
      }
    }
  }

 private:
  [[noreturn]] void fail(std::string_view reason) const {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t begin = before.rfind('\n') + 1;  // 0 without one
    throw Error(ErrorCode::run, fmt::format("{}: not valid JSON at line {}, column {}: {}", shown_, line,
                                            before.size() - begin + 1, reason));
  }

  // The next character that is no blank; '\0' at the end.
  char peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  JsonValue value(int depth) {
    if (depth == JsonValue::kMaxDepth) fail(fmt::format("nested more than {} deep", JsonValue::kMaxDepth));
    if (++values_ > JsonValue::kMaxValues) fail(fmt::format("more than {} values", JsonValue::kMaxValues));
    throw_if_interrupted();
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"': {
        const std::size_t begin = at_;
        static_cast<void>(string_content());
        return scalar(Kind::string, begin);
      }
      default:
        return word_or_number();
    }
  }

  [[nodiscard]] JsonValue scalar(Kind kind, std::size_t begin) const {
    JsonValue result;
    result.kind = kind;
    result.text = std::string(text_.substr(begin, at_ - begin));
    return result;
  }

  JsonValue object(int depth) {
    JsonValue result;
    result.kind = Kind::object;
    result.text.clear();
    std::unordered_set<std::string> keys;
    ++at_;
    if (peek() == '}') return ++at_, result;
    for (;;) {
      if (peek() != '"') fail("expected a key");
      const std::size_t begin = at_;
      JsonMember member;
      member.key = string_content();
      member.written = std::string(text_.substr(begin, at_ - begin));
      if (!keys.insert(member.key).second) fail(fmt::format("the key {} stands here twice", member.written));
      if (peek() != ':') fail("expected ':'");
      ++at_;
      member.value = value(depth + 1);
      result.members.push_back(std::move(member));
      if (!goes_on('}')) return result;
    }
  }

  JsonValue array(int depth) {
    JsonValue result;
    result.kind = Kind::array;
    result.text.clear();
    ++at_;
    if (peek() == ']') return ++at_, result;
    for (;;) {
      result.items.push_back(value(depth + 1));
      if (!goes_on(']')) return result;
    }
  }

  // Behind an item: a comma, or the end.
  bool goes_on(char close) {
    const char c = peek();
    if (c != ',' && c != close) fail(fmt::format("expected ',' or '{}'", close));
    ++at_;
    return c == ',';
  }

  JsonValue word_or_number() {
    const std::size_t begin = at_;
    for (const auto& [word, kind] : std::array<std::pair<std::string_view, Kind>, 6>{{{"true", Kind::boolean},
                                                                                     {"false", Kind::boolean},
                                                                                     {"null", Kind::null},
                                                                                     {"NaN", Kind::number},
                                                                                     {"Infinity", Kind::number},
                                                                                     {"-Infinity", Kind::number}}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return scalar(kind, begin);
    }
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    const std::size_t first = at_;
    digits("expected a value");
    if (text_[first] == '0' && at_ > first + 1) fail("a number with a leading zero");
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      digits("expected digits");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      digits("expected digits");
    }
    return scalar(Kind::number, begin);
  }

  void digits(std::string_view otherwise) {
    if (at_ >= text_.size()) fail("the text ends too early");
    if (!is_digit(text_[at_])) fail(otherwise);
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  void append_escape(std::string& content) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (const std::size_t place = kLetters.find(c); place != std::string_view::npos && c != '\0') {
      content += kMeanings[place];
      return;
    }
    if (c != 'u') fail("an unknown escape");
    std::uint32_t code = code_unit();
    if (code >= 0xDC00 && code < 0xE000) fail("half of a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!text_.substr(at_).starts_with("\\u")) fail("half of a surrogate pair");
      at_ += 2;
      const std::uint32_t low = code_unit();
      if (low < 0xDC00 || low >= 0xE000) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(content, code);
  }

  std::uint32_t code_unit() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : '\0';
      const std::size_t place = std::string_view("0123456789abcdefABCDEF").find(c);
      if (place == std::string_view::npos || c == '\0') fail("expected four hexadecimal digits");
      code = code << 4 | static_cast<std::uint32_t>(place < 16 ? place : place - 6);
    }
    return code;
  }

  std::string_view text_;
  const std::string& shown_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

JsonValue parse_json(std::string_view text, const std::string& shown) {
  if (std::ssize(text) > kMaxDocumentBytes)
    throw Error(ErrorCode::run, fmt::format("{}: more than {} bytes", shown, kMaxDocumentBytes));
  if (!is_valid_utf8(text)) throw Error(ErrorCode::run, shown + ": not valid UTF-8");
  return Parser(text, shown).parse();
}

std::optional<std::string> JsonValue::string() const {
  if (kind != Kind::string) return std::nullopt;
  return Parser(text, text).string_content();
}

}  // namespace brainsurgery
