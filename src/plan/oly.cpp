#include "plan/oly.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <unordered_set>

#include <fmt/format.h>

#include "base/numbers.h"
#include "base/text.h"
#include "plan/oly_words.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_control(char32_t c) { return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0); }

class OlyParser {
 public:
  OlyParser(std::shared_ptr<const SourceText> source, int line, std::string_view text)
      : source_(std::move(source)), line_(line), text_(text) {
    for (std::size_t at = 0; at < text_.size();) {
      const CodePoint point = decode_utf8(text_.substr(at));
      const auto value = static_cast<std::uint32_t>(point.value);
      if (!point.valid) fail(at, fmt::format("byte 0x{:02x} is not valid UTF-8", value));
      if (is_control(point.value)) fail(at, fmt::format("control character U+{:04X}", value));
      at += static_cast<std::size_t>(point.length);
    }
  }

  YamlPtr step() {
    skip_blanks();
    const YamlPtr command = identifier("expected the name of a command");
    YamlPtr payload = YamlNode::mapping(command->span(), {});
    skip_blanks();
    if (at_ < text_.size()) {
      expect_colon(*command);
      if (peek() == '{') {
        payload = mapping(2);
      } else if (at_ < text_.size()) {
        const std::size_t start = at_;
        payload = YamlNode::mapping(span(start), pairs('\0', 2));
      }
    }
    skip_blanks();
    if (at_ < text_.size()) fail(at_, "unexpected text after the step");
    return YamlNode::mapping(command->span(), {{command, payload}});
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (is_blank(peek())) ++at_;
  }

  [[nodiscard]] SourceSpan span(std::size_t start, std::size_t length = 1) const {
    return {source_, line_, static_cast<int>(start) + 1, static_cast<int>(std::max<std::size_t>(length, 1))};
  }

  [[noreturn]] void fail(std::size_t offset, std::string_view what, std::vector<std::string> notes = {}) const {
    const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    const auto position = std::ranges::count_if(text_.substr(0, offset), is_start);
    throw Error(ErrorCode::plan, fmt::format("{} at position {}", what, position), span(offset), std::move(notes));
  }

  YamlPtr identifier(std::string_view expected) {
    const std::size_t length = oly_identifier_length(text_.substr(at_));
    if (length == 0) fail(at_, expected);
    const std::size_t start = at_;
    at_ += length;
    return YamlNode::text(span(start, length), std::string(text_.substr(start, length)));
  }

  void expect_colon(const YamlNode& after) {
    skip_blanks();
    if (peek() != ':') fail(at_, fmt::format("expected ':' after '{}'", after.text()));
    ++at_;
    skip_blanks();
  }

  // `level`: of the collection, for the limit that makes recursion safe.
  void check_level(int level) const {
    if (level >= kMaxYamlDepth) fail(at_, fmt::format("values are nested more than {} levels deep", kMaxYamlDepth));
  }

  // One or more, up to `close` or, where that is '\0', to the end of the line.
  YamlEntries pairs(char close, int level) {
    YamlEntries entries;
    std::unordered_set<std::string_view> seen;
    while (true) {
      YamlPtr key = identifier(entries.empty() ? "expected a key" : "expected a key after ','");
      if (!seen.insert(key->text()).second) {
        fail(static_cast<std::size_t>(key->span().column) - 1, fmt::format("duplicate key '{}'", key->text()));
      }
      expect_colon(*key);
      YamlPtr given = value(level + 1);
      entries.emplace_back(std::move(key), std::move(given));
      skip_blanks();
      if (peek() != ',') break;
      ++at_;
      skip_blanks();
    }
    if (close == '\0' && at_ < text_.size()) {
      fail(at_, "expected ',' between key and value pairs", {"put a string with blanks, commas or brackets in quotes"});
    }
    return entries;
  }

  YamlPtr mapping(int level) {
    check_level(level);
    const std::size_t start = at_++;
    skip_blanks();
    YamlEntries entries;
    if (peek() != '}') entries = pairs('}', level);
    if (peek() != '}') fail(at_, "expected ',' or '}'");
    ++at_;
    return YamlNode::mapping(span(start), std::move(entries));
  }

  YamlPtr list(int level) {
    check_level(level);
    const std::size_t start = at_++;
    YamlItems items;
    skip_blanks();
    while (peek() != ']') {
      if (!items.empty()) {
        if (peek() != ',') fail(at_, "expected ',' or ']'");
        ++at_;
        skip_blanks();
        if (peek() == ']') fail(at_, "expected a value after ','");
      }
      items.push_back(value(level + 1));
      skip_blanks();
    }
    ++at_;
    return YamlNode::sequence(span(start), std::move(items));
  }

  YamlPtr value(int level) {
    switch (peek()) {
      case '[':
        return list(level);
      case '{':
        return mapping(level);
      case '\'':
        return single_quoted();
      case '"':
        return double_quoted();
      default:
        return bare();
    }
  }

  YamlPtr single_quoted() {
    const std::size_t start = at_;
    const std::size_t end = text_.find('\'', start + 1);
    if (end == std::string_view::npos) fail(start, "the single quote is not closed");
    at_ = end + 1;
    return YamlNode::text(span(start, at_ - start), std::string(text_.substr(start + 1, end - start - 1)));
  }

  YamlPtr double_quoted() {
    const std::size_t start = at_++;
    std::string result;
    while (peek() != '"') {
      const bool escape = peek() == '\\';
      at_ += escape ? 1 : 0;
      if (at_ >= text_.size()) fail(start, "the double quote is not closed");
      const char c = text_[at_++];
      result += escape && c == 'n' ? '\n' : escape && c == 'r' ? '\r' : escape && c == 't' ? '\t' : c;
    }
    ++at_;
    return YamlNode::text(span(start, at_ - start), std::move(result));
  }

  YamlPtr bare() {
    const std::size_t start = at_;
    const OlyBareWord word = scan_oly_bare_word(text_.substr(start));
    if (word.unclosed) {
      const std::size_t bracket = start + *word.unclosed;
      fail(bracket, fmt::format("'{}' is not closed", text_[bracket]), {"put a string with a lone bracket in quotes"});
    }
    if (word.length == 0) fail(start, "expected a value");
    at_ += word.length;
    std::string text(text_.substr(start, word.length));
    const YamlScalar meaning = resolve_oly_word(text);
    if (meaning.kind == YamlKind::string) return YamlNode::text(span(start, word.length), std::move(text));
    return YamlNode::scalar(span(start, word.length), std::move(text), meaning, false);
  }

  std::shared_ptr<const SourceText> source_;
  int line_;
  std::string_view text_;
  std::size_t at_ = 0;
};

[[noreturn]] void no_spelling(const YamlNode& node, std::string_view why) {
  throw Error(ErrorCode::plan, fmt::format("OLY has no spelling for {}: {}", node.describe(), why), node.span());
}

std::string oly_text(const YamlNode& node) {
  const std::string& text = node.text();
  if (!is_valid_utf8(text)) no_spelling(node, "it is not UTF-8");
  const OlyBareWord word = scan_oly_bare_word(text);
  const bool whole = !text.empty() && word.length == text.size() && !word.unclosed;
  const bool opens = whole && std::string_view("'\"[{").find(text[0]) != std::string_view::npos;
  bool printable = true;
  std::string escaped = "\"";
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    const char c = rest[0];
    if (c == '\n' || c == '\r' || c == '\t') {
      escaped += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
      printable = false;
    } else {
      if (is_control(point.value)) no_spelling(node, "it has control characters");
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += rest.substr(0, static_cast<std::size_t>(point.length));
    }
    rest.remove_prefix(static_cast<std::size_t>(point.length));
  }
  if (whole && !opens && printable && resolve_oly_word(text).kind == YamlKind::string) return text;
  if (printable && text.find('\'') == std::string::npos) return "'" + text + "'";
  return escaped + '"';
}

std::string oly_scalar(const YamlNode& node) {
  switch (node.kind()) {
    case YamlKind::null:
      return "null";
    case YamlKind::boolean:
      return node.boolean() ? "true" : "false";
    case YamlKind::integer: {
      if (node.integer()) return fmt::to_string(*node.integer());
      const YamlScalar read = resolve_oly_word(node.text());
      if (read.kind != YamlKind::integer) no_spelling(node, "it is beyond 64 bits and not decimal");
      return node.text();
    }
    case YamlKind::floating:
      if (std::isnan(node.floating())) no_spelling(node, "it is not a number");
      if (std::isinf(node.floating())) return node.floating() > 0 ? "1e999" : "-1e999";  // `inf` is a text
      return python_float(node.floating());
    default:
      return oly_text(node);
  }
}

void print_value(const YamlNode& node, std::string& out);

void print_pairs(const YamlNode& node, std::string& out) {
  std::string_view separator;
  for (const auto& [key, value] : node.entries()) {
    if (oly_identifier_length(key->text()) != key->text().size() || key->text().empty()) {
      no_spelling(*key, "a key is a letter or '_', then letters, digits, '_' and '-'");
    }
    out += separator;
    out += key->text() + ": ";
    print_value(*value, out);
    separator = ", ";
  }
}

void print_value(const YamlNode& node, std::string& out) {
  if (node.is_mapping()) {
    out += '{';
    print_pairs(node, out);
    out += '}';
  } else if (node.is_sequence()) {
    std::string_view separator = "[";
    for (const YamlPtr& item : node.items()) {
      out += separator;
      print_value(*item, out);
      separator = ", ";
    }
    out += node.items().empty() ? "[]" : "]";
  } else {
    out += oly_scalar(node);
  }
}

}  // namespace

YamlPtr parse_oly(const std::shared_ptr<const SourceText>& text) { return OlyParser(text, 1, text->text).step(); }

std::vector<YamlPtr> parse_oly_lines(const std::shared_ptr<const SourceText>& text, Diagnostics& diagnostics) {
  std::vector<YamlPtr> steps;
  std::string_view rest = text->text;
  for (int number = 1; !rest.empty() && !diagnostics.enough(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::ranges::all_of(line, is_blank)) continue;
    try {
      steps.push_back(OlyParser(text, number, line).step());
    } catch (const Error& error) {
      diagnostics.add(error);
    }
  }
  return steps;
}

std::string print_oly(const YamlNode& step) {
  const bool bare = step.is_string();
  if (!bare && step.entries().size() != 1) no_spelling(step, "a step is one command with its keys");
  const YamlNode& command = bare ? step : *step.entries().front().first;
  if (oly_identifier_length(command.text()) != command.text().size() || command.text().empty()) {
    no_spelling(command, "a command is a letter or '_', then letters, digits, '_' and '-'");
  }
  if (bare || step.entries().front().second->is_null()) return command.text();
  const YamlNode& payload = *step.entries().front().second;
  if (!payload.is_mapping()) no_spelling(payload, "the payload of a step has to be a mapping");
  if (payload.entries().empty()) return command.text();
  std::string line = command.text() + ": ";
  print_pairs(payload, line);
  return line;
}

}  // namespace brainsurgery
