#include "plan/oly_words.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

bool is_word_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// -?(0|[1-9][0-9]*)
bool is_integer_word(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  return !word.empty() && digits_at(word, 0) == word.size() && (word[0] != '0' || word.size() == 1);
}

// -?([0-9]+ "." [0-9]* | "." [0-9]+ | [0-9]+) ([eE] [+-]? [0-9]+)?, with a point or an exponent
bool is_decimal_word(std::string_view word) {
  std::size_t at = word.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits_at(word, at);
  at += whole;
  std::size_t fraction = 0;
  const bool point = at < word.size() && word[at] == '.';
  if (point) {
    fraction = digits_at(word, ++at);
    at += fraction;
  }
  if (whole + fraction == 0) return false;
  if (at == word.size()) return point;
  if (word[at] != 'e' && word[at] != 'E') return false;
  ++at;
  if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
  const std::size_t exponent = digits_at(word, at);
  return exponent > 0 && at + exponent == word.size();
}

}  // namespace

std::size_t oly_identifier_length(std::string_view text) {
  if (text.empty() || !is_word_letter(text[0])) return 0;
  std::size_t length = 1;
  while (length < text.size() && (is_word_letter(text[length]) || is_digit(text[length]) || text[length] == '-')) ++length;
  return length;
}

OlyBareWord scan_oly_bare_word(std::string_view text) {
  constexpr std::string_view kOpening = "([{";
  constexpr std::string_view kClosing = ")]}";
  std::array<std::vector<std::size_t>, 3> open;  // offsets, by kind
  std::size_t depth = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (depth == 0 && std::string_view(",]} \t").find(c) != std::string_view::npos) break;
    if (const std::size_t kind = kOpening.find(c); kind != std::string_view::npos) {
      open[kind].push_back(at);
      ++depth;
    } else if (const std::size_t closed = kClosing.find(c); closed != std::string_view::npos && !open[closed].empty()) {
      open[closed].pop_back();
      --depth;
    }
  }
  OlyBareWord word{at, std::nullopt};
  for (const std::vector<std::size_t>& kind : open) {
    if (!kind.empty()) word.unclosed = std::min(word.unclosed.value_or(kind.front()), kind.front());
  }
  return word;
}

YamlScalar resolve_oly_word(std::string_view word) {
  if (word == "null" || word == "NULL" || word == "~") return {.kind = YamlKind::null};
  const std::string lowered = word.size() <= 5 ? ascii_lower(word) : "";
  if (lowered == "true" || lowered == "false") return {.kind = YamlKind::boolean, .boolean = lowered == "true"};
  if (is_integer_word(word)) return resolve_scalar(word);
  if (is_decimal_word(word)) return {.kind = YamlKind::floating, .floating = *parse_python_float(word)};
  return {.kind = YamlKind::string};
}

}  // namespace brainsurgery
