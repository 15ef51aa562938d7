#include "plan/regex_pieces.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/python_regex.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kAsciiWord = "0-9A-Z_a-z";
// str.isspace() and its complement; PCRE2's \s lacks U+001C to U+001F.
constexpr std::string_view kSpace =
    "\\x{9}-\\x{d}\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";
constexpr std::string_view kNoSpace =
    "\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";

std::int64_t capped(std::int64_t value) { return std::min(value, kMany); }

// `value` * `count` without overflow; never more than kMany.
std::int64_t times(std::int64_t value, std::int64_t count) {
  return value == 0 || count == 0 ? 0 : value > kMany / count ? kMany : value * count;
}

void append_utf8(std::vector<std::int16_t>& bytes, char32_t c) {
  auto push = [&](char32_t byte) { bytes.push_back(static_cast<std::int16_t>(byte)); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xc0 | c >> 6);
    push(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    push(0xe0 | c >> 12);
    push(0x80 | (c >> 6 & 0x3f));
    push(0x80 | (c & 0x3f));
  } else {
    push(0xf0 | c >> 18);
    push(0x80 | (c >> 12 & 0x3f));
    push(0x80 | (c >> 6 & 0x3f));
    push(0x80 | (c & 0x3f));
  }
}

}  // namespace

void Piece::append(Piece other) {
  re2 += other.re2;
  pcre2 += other.pcre2;
  shortest = capped(shortest + other.shortest);
  longest = capped(longest + other.longest);
  groups += other.groups;
  if (gap && other.exact && other.pure) {
    gap->tail.insert(gap->tail.end(), other.head.begin(), other.head.end());
  } else {
    gap = exact && pure ? std::move(other.gap) : std::nullopt;
  }
  if (exact) {
    head.insert(head.end(), other.head.begin(), other.head.end());
    exact = other.exact;
  }
  pure = pure && other.pure;
}

void Piece::add_branch(Piece other) {
  re2 += "|" + other.re2;
  pcre2 += "|" + other.pcre2;
  shortest = std::min(shortest, other.shortest);
  longest = std::max(longest, other.longest);
  groups += other.groups;
  auto common = std::mismatch(head.begin(), head.end(), other.head.begin(), other.head.end());
  head.erase(common.first, head.end());
  exact = pure = false;
  gap.reset();
}

void Piece::wrap(std::string_view open) {
  re2 = fmt::format("{}{})", open, re2);
  pcre2 = fmt::format("{}{})", open, pcre2);
}

Piece repeat(Piece item, std::int64_t least, std::int64_t most, char style) {
  std::string counts = fmt::format("{{{}}}", least);
  if (least == 0 && most == 1) {
    counts = "?";
  } else if (most == kMany) {
    counts = least == 0 ? "*" : least == 1 ? "+" : fmt::format("{{{},}}", least);
  } else if (most != least) {
    counts = fmt::format("{{{},{}}}", least, most);
  }
  if (style != '\0') counts += style;
  item.re2 += counts;
  item.pcre2 += counts;
  const bool is_dot = item.exact && item.pure && item.head == std::vector{PythonRegex::kAnyCharacter};
  item.gap = is_dot && most == kMany ? std::optional(PythonRegex::Gap{least, false, {}}) : std::nullopt;
  item.shortest = times(item.shortest, least);
  item.longest = times(item.longest, most);
  if (least != 1 || most != 1) item.exact = item.pure = false;
  if (least == 0 || item.gap) item.head.clear();
  return item;
}

std::string regex_literal(char32_t c) {
  bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  return plain ? std::string(1, static_cast<char>(c)) : fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
}

Piece literal_piece(char32_t c, const RegexFlags& flags) {
  std::string text = regex_literal(c);
  Piece piece{text, text, 1, 1, {}, !flags.ignore_case, !flags.ignore_case, 0};
  if (!flags.ignore_case) append_utf8(piece.head, c);
  return piece;
}

Piece one_character(std::string re2, std::string pcre2) {
  return {std::move(re2), std::move(pcre2), 1, 1, {}, false, false, 0};
}

Piece assertion(std::string_view re2, std::string_view pcre2) {
  return {std::string(re2), std::string(pcre2), 0, 0, {}, true, false, 0};
}

Piece any_character(const RegexFlags& flags) {
  std::string text = flags.dot_all ? "(?s:.)" : "[^\\n]";
  return {text, text, 1, 1, {PythonRegex::kAnyCharacter}, true, true, 0};
}

Piece line_start(const RegexFlags& flags) { return assertion("\\A", flags.multi_line ? "(?:\\A|(?<=\\n))" : "\\A"); }
// Without (?m) `$` matches before a newline at the very end too.
Piece line_end(const RegexFlags& flags) { return assertion("\\z", flags.multi_line ? "(?=\\n|\\z)" : "(?=\\n?\\z)"); }

Piece word_boundary(bool at, const RegexFlags& flags) {
  std::string name = at ? "\\b" : "\\B";
  if (!flags.ascii) return assertion(name, at ? "\\b" : "(?:(?!\\A\\z)\\B)");  // Python's \B needs a character
  std::string inside = fmt::format("(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}])", kAsciiWord);
  std::string boundary = fmt::format("(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}])", kAsciiWord);
  return assertion(name, at ? fmt::format("(?:{})", boundary) : fmt::format("(?:(?!\\A\\z)(?:{}))", inside));
}

// \d \w \s and their complements, for use inside of brackets.
std::string character_category(char c, const RegexFlags& flags) {
  if (!flags.ascii && (c == 's' || c == 'S')) return std::string(c == 's' ? kSpace : kNoSpace);
  if (!flags.ascii) return std::string("\\") + c;
  switch (c) {
    case 'd':
      return "0-9";
    case 'D':
      return "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}";
    case 'w':
      return std::string(kAsciiWord);
    case 'W':
      return "\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}";
    case 's':
      return "\\t-\\r\\x{20}";
    default:
      return "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}";
  }
}

}  // namespace brainsurgery
