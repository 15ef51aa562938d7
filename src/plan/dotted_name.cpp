#include "plan/dotted_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "plan/expressions.h"
#include "plan/interpolation_syntax.h"
#include "plan/structured_pattern.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kOpenBrace = "${";
constexpr std::string_view kOnlyInRegex = "()[]|?+^\\{}";

// Behind the brace that closes the `${` at `open`; npos: none does. Braces of expressions are balanced.
std::size_t end_of_braces(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// A segment is literal text and parts in ${...}.
struct NamePiece {
  std::string_view text;  // a part: from ${ to }
  bool is_part = false;
  std::string_view name = {}, regex = {};  // of ${name:regex}; `regex` empty: ${name}
};

std::vector<NamePiece> pieces_of(std::string_view text) {
  std::vector<NamePiece> pieces;
  while (!text.empty()) {
    const std::size_t open = text.find(kOpenBrace);
    if (open != 0) {
      pieces.push_back({text.substr(0, open)});
      text.remove_prefix(std::min(open, text.size()));
      continue;
    }
    const std::size_t end = end_of_braces(text, 0);
    if (end == std::string_view::npos)
      throw Error(ErrorCode::plan, fmt::format("'{}': a ${{ is not closed by }}", text));
    NamePiece piece{text.substr(0, end), true};
    const std::string_view inside = text.substr(kOpenBrace.size(), end - kOpenBrace.size() - 1);
    const std::size_t colon = inside.find(':');
    piece.name = inside.substr(0, colon);
    if (colon != std::string_view::npos) piece.regex = unquoted(inside.substr(colon + 1));
    pieces.push_back(piece);
    text.remove_prefix(end);
  }
  return pieces;
}

std::vector<std::string_view> segments_of(std::string_view text) {
  std::vector<std::string_view> segments;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size();) {
    if (i == text.size() || text[i] == '.') {
      segments.push_back(text.substr(begin, i - begin));
      begin = ++i;
    } else if (text.substr(i).starts_with(kOpenBrace)) {
      i = std::min(end_of_braces(text, i), text.size());
    } else {
      ++i;
    }
  }
  for (const std::string_view segment : segments) {
    if (segment.empty()) throw Error(ErrorCode::plan, fmt::format("'{}': a segment of the name is empty", text));
  }
  return segments;
}

bool is_name_segment(std::string_view segment, char sigil) {
  return segment.starts_with(sigil) && is_variable_name(segment.substr(1));
}

// The regular expression that matches exactly this text.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view(".()[]|?*+^$\\{}").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string pattern_entry(std::string_view segment) {
  if (segment.find(kOpenBrace) == std::string_view::npos) return std::string(segment);
  std::string names, regex;
  for (const NamePiece& piece : pieces_of(segment)) {
    if (!piece.is_part) {
      regex += quoted(piece.text);
      continue;
    }
    if (piece.regex.empty()) {
      throw Error(ErrorCode::plan, fmt::format("'{}' does not say what it matches", piece.text), {},
                  {fmt::format("${{{}:REGEX}} matches a part of a segment, ${} a whole one", piece.name, piece.name)});
    }
    names += fmt::format("{}{}", names.empty() ? "" : ",", piece.name);
    regex += fmt::format("({})", piece.regex);
  }
  return fmt::format("~{}::{}", names, regex);
}

// A number with the format behind a name's colon, anything else as it is.
std::string formatted(std::string_view value, std::string_view format) {
  const PlanValue number = value_of_capture(value);
  if (number.integer() == nullptr || !is_number_format(format)) return std::string(value);
  return fmt::format(fmt::runtime(fmt::format("{{:{}}}", format)), *number.integer());
}

}  // namespace

namespace {

// `binds`: whether a segment or a part has a name to begin with.
bool is_dotted(std::string_view text, bool binds) {
  std::string outside;  // the text without its parts
  for (std::size_t i = 0; i < text.size();) {
    if (!text.substr(i).starts_with(kOpenBrace)) {
      outside += text[i++];
      continue;
    }
    const std::size_t end = end_of_braces(text, i);
    if (end == std::string_view::npos) return false;
    const std::string_view inside = text.substr(i + kOpenBrace.size(), end - i - kOpenBrace.size() - 1);
    const std::size_t colon = inside.find(':');
    binds = binds || (colon != std::string_view::npos && is_variable_name(inside.substr(0, colon)));
    outside += 'x';
    i = end;
  }
  if (outside.find_first_of(kOnlyInRegex) != std::string::npos) return false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= outside.size(); ++i) {
    if (i < outside.size() && outside[i] != '.') continue;
    const std::string_view segment = std::string_view(outside).substr(begin, i - begin);
    const bool is_name = is_name_segment(segment, '$');
    if (segment.find('*') != std::string_view::npos && !is_name_segment(segment, '*')) return false;
    if (segment.find('$') != std::string_view::npos && !is_name) return false;
    binds = binds || is_name;
    begin = i + 1;
  }
  return binds;
}

}  // namespace

bool is_dotted_pattern(std::string_view text) { return is_dotted(text, false); }
bool is_filled_dotted_pattern(std::string_view text) { return is_dotted(text, true); }

std::vector<std::string> dotted_pattern_entries(std::string_view text) {
  std::vector<std::string> entries;
  for (const std::string_view segment : segments_of(text)) entries.push_back(pattern_entry(segment));
  return entries;
}

std::vector<std::string> dotted_template_entries(std::string_view text, bool with_regex) {
  std::vector<std::string> entries;
  for (const std::string_view segment : segments_of(text)) {
    std::string& entry = entries.emplace_back();
    for (const NamePiece& piece : pieces_of(segment)) {
      if (!piece.regex.empty() && !with_regex) {
        throw Error(ErrorCode::plan, fmt::format("'{}': '{}' is no format of a number, such as 02d, x or .3f",
                                                 piece.text, piece.regex));
      }
      entry += piece.is_part ? fmt::format("${{{}}}", piece.name) : std::string(piece.text);
    }
  }
  return entries;
}

std::vector<NamedPart> named_parts(std::string_view text) {
  std::vector<NamedPart> parts;
  if (text.find(kOpenBrace) == std::string_view::npos) return parts;
  for (const NamePiece& piece : pieces_of(text)) {
    if (!piece.regex.empty()) parts.push_back({std::string(piece.name), std::string(piece.regex)});
  }
  return parts;
}

std::vector<std::string> names_in_template(std::string_view text) {
  std::vector<std::string> names;
  const auto add = [&names](std::string_view name) {
    if (is_variable_name(name) && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  };
  for (const std::string_view segment : segments_of(text)) {
    if (segment.starts_with('$') && !segment.starts_with(kOpenBrace)) {
      add(segment.substr(1));
    } else {
      for (const NamePiece& piece : pieces_of(segment)) add(piece.name);
    }
  }
  return names;
}

std::string with_name_replaced(std::string_view text, std::string_view name, std::string_view value) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with(kOpenBrace)) {
      const std::size_t end = std::min(end_of_braces(rest, 0), rest.size());
      const std::string_view inside = rest.substr(kOpenBrace.size(), end - kOpenBrace.size() - 1);
      const bool replaced = inside == name || (inside.starts_with(name) && inside.substr(name.size()).starts_with(':'));
      const std::string_view format = inside.substr(std::min(name.size() + 1, inside.size()));
      result += replaced ? formatted(value, format) : std::string(rest.substr(0, end));
      i += end;
      continue;
    }
    const bool starts_segment = i == 0 || text[i - 1] == '.' || text[i - 1] == ':';
    const std::string_view token = rest.substr(0, rest.find_first_of(".:"));
    if (starts_segment && token.size() == name.size() + 1 && token.front() == '$' && token.substr(1) == name) {
      result += value;
      i += token.size();
    } else {
      result += text[i++];
    }
  }
  return result;
}

}  // namespace brainsurgery
