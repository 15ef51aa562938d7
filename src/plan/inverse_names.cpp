#include "plan/inverse_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formula/evaluate.h"
#include "plan/dotted_name.h"
#include "plan/expressions.h"
#include "plan/structured_pattern.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse_names(const YamlNode& at, const std::string& reason) {
  throw Error(ErrorCode::plan, reason, at.span());
}

// A reference as written: a text, or a list that a dotted name could stand for.
struct WrittenName {
  const YamlNode& node;
  std::string alias;  // with its `::`
  std::string text;
};

WrittenName written_name(const YamlNode& node) {
  if (node.is_sequence()) {
    std::vector<std::string> entries;
    for (const YamlPtr& item : node.items()) entries.push_back(item->text());
    std::string text = fmt::format("{}", fmt::join(entries, "."));
    if (std::ranges::any_of(entries, [](const std::string& entry) { return entry.starts_with('~'); }))
      refuse_names(node, fmt::format("the list [{}] has a regular expression; write it as a dotted name", fmt::join(entries, ", ")));
    return {node, "", std::move(text)};
  }
  if (!node.is_string()) refuse_names(node, fmt::format("expected a name, found {}", node.describe()));
  const std::string& text = node.text();
  const std::size_t colons = text.find("::");
  if (colons == std::string::npos) return {node, "", text};
  if (text.find("::", colons + 2) != std::string::npos || text.substr(colons + 2).starts_with('['))
    refuse_names(node, fmt::format("'{}' is a part of a tensor", text));
  return {node, text.substr(0, colons + 2), text.substr(colons + 2)};
}

// A part of a dotted name.
struct DottedPart {
  enum class Kind : std::uint8_t { text, name, sequence, open };
  Kind kind = Kind::text;
  std::string text;        // as written
  std::string name = {};   // of a name or a sequence
  std::string behind = {};  // of ${name:behind}: what it matches, or a format
  bool whole = false;      // a segment by itself
};
using DottedParts = std::vector<DottedPart>;

std::size_t end_of_part(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

DottedPart braced_part(std::string_view text) {
  const std::string_view inside = text.substr(2, text.size() - 3);
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  if (!is_variable_name(name)) return {DottedPart::Kind::open, std::string(text)};
  return {DottedPart::Kind::name, std::string(text), std::string(name),
          colon == std::string_view::npos ? "" : std::string(inside.substr(colon + 1))};
}

DottedParts dotted_parts(std::string_view text) {
  DottedParts parts;
  for (std::size_t i = 0; i < text.size();) {
    const bool begins = i == 0 || text[i - 1] == '.';
    const std::size_t segment_end = std::min(text.find('.', i), text.size());
    if (text.substr(i).starts_with("${")) {
      const std::size_t end = end_of_part(text, i);
      parts.push_back(braced_part(text.substr(i, end - i)));
      parts.back().whole = begins && (end == text.size() || text[end] == '.');
      i = end;
    } else if (begins && (text[i] == '$' || text[i] == '*') && is_variable_name(text.substr(i + 1, segment_end - i - 1))) {
      const auto kind = text[i] == '$' ? DottedPart::Kind::name : DottedPart::Kind::sequence;
      const std::string token(text.substr(i, segment_end - i));
      parts.push_back({kind, token, token.substr(1), "", true});
      i = segment_end;
    } else {
      if (parts.empty() || parts.back().kind != DottedPart::Kind::text) parts.push_back({});
      parts.back().text += text[i++];
    }
  }
  return parts;
}

bool is_named_part(const DottedPart& part) { return part.kind == DottedPart::Kind::name || part.kind == DottedPart::Kind::sequence; }
// `$x` and `${x:RE}` bind; `${x}` is a name of `each`, or a parameter.
bool binds_name(const DottedPart& part) { return is_named_part(part) && !(part.text.starts_with("${") && part.behind.empty()); }

const DottedPart* find_name(const DottedParts& parts, std::string_view name) {
  const auto found = std::ranges::find_if(parts, [name](const DottedPart& part) { return binds_name(part) && part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

const DottedPart* find_use(const DottedParts& parts, std::string_view name) {
  const auto found = std::ranges::find_if(parts, [name](const DottedPart& part) { return is_named_part(part) && part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

// A name in the new pattern, which the old one bound as `bound`.
std::string as_binding(const DottedPart& use, const DottedPart& bound, const YamlNode& at) {
  if (bound.kind == DottedPart::Kind::sequence || use.kind == DottedPart::Kind::sequence) {
    if (bound.kind != use.kind) refuse_names(at, fmt::format("'{}' is several segments on one side alone", use.name));
    return use.text;
  }
  if (use.whole && bound.behind.empty()) return "$" + use.name;
  const std::string regex = !bound.behind.empty() ? bound.behind : use.behind.empty() ? "[^.]+" : "\\d+";
  return fmt::format("${{{}:{}}}", use.name, regex);
}

// A name that the other side does not have, of what is joined or cut: numbers, or the words between bars.
std::string counting(const DottedPart& part) {
  if (!is_number_format(part.behind)) return part.text;
  return part.whole ? "$" + part.name : fmt::format("${{{}:\\d+}}", part.name);
}

void require_independent(const DottedPart& open, const DottedParts& pattern, const YamlNode& at) {
  const YamlPtr node = YamlNode::unexplained(at, open.text, std::make_shared<const Diagnostic>());
  std::set<std::string, std::less<>> names;
  collect_names(*node, true, names);
  for (const std::string& name : names) {
    if (find_name(pattern, name) != nullptr)
      refuse_names(at, fmt::format("'{}' computes with '{}', and nothing says how to compute back", open.text, name));
  }
}

NamePair inverse_dotted(const WrittenName& from, const WrittenName& to, CountingSide side) {
  const DottedParts pattern = dotted_parts(from.text), result = dotted_parts(to.text);
  std::string new_pattern = to.alias, new_result = from.alias;
  for (const DottedPart& part : result) {
    if (part.kind == DottedPart::Kind::open) require_independent(part, pattern, to.node);
    const DottedPart* bound = is_named_part(part) ? find_name(pattern, part.name) : nullptr;
    const bool counts = bound == nullptr && binds_name(part);
    if (counts && side != CountingSide::result) refuse_names(to.node, fmt::format("'{}' does not have '{}'", from.text, part.text));
    new_pattern += bound != nullptr ? as_binding(part, *bound, to.node) : counts ? counting(part) : part.text;
  }
  for (const DottedPart& part : pattern) {
    const DottedPart* use = binds_name(part) ? find_use(result, part.name) : nullptr;
    if (use != nullptr) {
      new_result += part.kind == DottedPart::Kind::sequence ? part.text
                    : !use->behind.empty()            ? fmt::format("${{{}:d}}", part.name)
                    : part.behind.empty()             ? "$" + part.name
                                                      : fmt::format("${{{}}}", part.name);
      continue;
    }
    if (binds_name(part) && side != CountingSide::pattern)
      refuse_names(from.node, fmt::format("the new name does not tell what '{}' was", part.text));
    new_result += part.text;
  }
  return {YamlNode::text(to.node.span(), std::move(new_pattern)), YamlNode::text(from.node.span(), std::move(new_result))};
}

// Of a regular expression: text, or a group; of its template: text, or a group that stands there.
struct RegexPart {
  std::string text;
  std::string group = {};  // its name, or its number; empty: text
};

constexpr std::string_view kRepeats = "*+?{";

class RegexParts {
 public:
  RegexParts(const WrittenName& from) : from_(from), text_(from.text) {}

  std::vector<RegexPart> run() {
    while (at_ < text_.size()) {
      if (text_[at_] == '(') {
        take_group();
      } else {
        take_character();
      }
      if (at_ < text_.size() && kRepeats.find(text_[at_]) != std::string_view::npos) refuse();
    }
    return std::move(pieces_);
  }

 private:
  [[noreturn]] void refuse() const {
    refuse_names(from_.node, fmt::format("'{}' has parts outside of groups that the new name does not tell", from_.text));
  }

  void take_character() {
    char c = text_[at_++];
    if (c == '\\') {
      if (at_ == text_.size() || std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) refuse();
      c = text_[at_++];
    } else if (std::string_view("[|^$)*+?{").find(c) != std::string_view::npos) {
      refuse();
    }
    if (pieces_.empty() || !pieces_.back().group.empty()) pieces_.push_back({});
    pieces_.back().text += c;
  }

  void take_group() {
    const std::size_t begin = at_++;
    std::string name = std::to_string(++groups_);
    constexpr std::string_view kNamed = "?P<";
    if (text_.substr(at_).starts_with(kNamed)) {
      const std::size_t end = std::min(text_.find('>', at_), text_.size());
      name = text_.substr(at_ + kNamed.size(), end - at_ - kNamed.size());
      at_ = end;
    } else if (text_.substr(at_).starts_with('?')) {
      refuse();
    }
    skip_body();
    pieces_.push_back({std::string(text_.substr(begin, at_ - begin)), std::move(name)});
  }

  // To behind the parenthesis that closes the group.
  void skip_body() {
    for (int depth = 1; depth > 0; ++at_) {
      if (at_ >= text_.size()) refuse();
      const char c = text_[at_];
      if (c == '\\') {
        ++at_;
      } else if (c == '[') {
        at_ = text_.find(']', at_ + 2);
        if (at_ == std::string_view::npos) refuse();
      } else if (c == '(') {
        if (!text_.substr(at_ + 1).starts_with("?:")) refuse();
        ++depth;
      } else if (c == ')') {
        --depth;
      }
    }
  }

  const WrittenName& from_;
  std::string_view text_;
  std::size_t at_ = 0;
  int groups_ = 0;
  std::vector<RegexPart> pieces_;
};

// The group that stands at the place, and its length; nullopt: text.
std::optional<std::pair<std::string, std::size_t>> group_reference(std::string_view text) {
  if (text.starts_with("\\g<") || text.starts_with("${")) {
    const std::size_t begin = text.starts_with('$') ? 2 : 3;
    const std::size_t end = text.find(text.starts_with('$') ? '}' : '>');
    if (end == std::string_view::npos) return std::nullopt;
    return std::pair(std::string(text.substr(begin, end - begin)), end + 1);
  }
  const auto is_digit = [text](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (!text.starts_with('\\') || !is_digit(1)) return std::nullopt;
  const std::size_t length = is_digit(2) ? 3 : 2;
  return std::pair(std::string(text.substr(1, length - 1)), length);
}

std::vector<RegexPart> template_parts(const std::string& text) {
  std::vector<RegexPart> pieces;
  for (std::size_t i = 0; i < text.size();) {
    if (auto group = group_reference(std::string_view(text).substr(i))) {
      pieces.push_back({text.substr(i, group->second), std::move(group->first)});
      i += group->second;
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    if (pieces.empty() || !pieces.back().group.empty()) pieces.push_back({});
    pieces.back().text += text[i++];
  }
  return pieces;
}

std::string with_backslashes(std::string_view special, std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

NamePair inverse_regex(const WrittenName& from, const WrittenName& to) {
  const std::vector<RegexPart> pattern = RegexParts(from).run(), result = template_parts(to.text);
  std::vector<std::string> order;  // the groups in the order of the new pattern
  const auto place_of = [&order](const std::string& group) { return std::ranges::find(order, group) - order.begin() + 1; };
  const auto is_number = [](const std::string& group) { return group.find_first_not_of("0123456789") == std::string::npos; };
  std::string new_pattern = to.alias, new_result = from.alias;
  for (const RegexPart& piece : result) {
    const auto bound = std::ranges::find_if(pattern, [&](const RegexPart& each) { return !piece.group.empty() && each.group == piece.group; });
    if (piece.group.empty()) {
      new_pattern += with_backslashes(".()[]|?*+^$\\{}", piece.text);
    } else if (bound == pattern.end()) {
      refuse_names(to.node, fmt::format("'{}' has no group {}", from.text, piece.group));
    } else if (std::ranges::find(order, piece.group) == order.end()) {
      order.push_back(piece.group);
      new_pattern += bound->text;
    } else {
      new_pattern += is_number(piece.group) ? fmt::format("\\{}", place_of(piece.group)) : fmt::format("(?P={})", piece.group);
    }
  }
  for (const RegexPart& piece : pattern) {
    if (piece.group.empty()) {
      new_result += with_backslashes("\\$", piece.text);
    } else if (std::ranges::find(order, piece.group) == order.end()) {
      refuse_names(from.node, fmt::format("the new name does not tell what '{}' was", piece.text));
    } else {
      new_result += is_number(piece.group) ? fmt::format("\\{}", place_of(piece.group)) : fmt::format("\\g<{}>", piece.group);
    }
  }
  return {YamlNode::text(to.node.span(), std::move(new_pattern)), YamlNode::text(from.node.span(), std::move(new_result))};
}

}  // namespace

NamePair inverse_names(const YamlNode& pattern, const YamlNode& result, CountingSide counting) {
  const WrittenName from = written_name(pattern), to = written_name(result);
  if (is_filled_dotted_pattern(from.text) && to.text.find('\\') == std::string::npos)
    return inverse_dotted(from, to, counting);
  if (counting != CountingSide::neither && to.text.find('$') != std::string::npos)
    refuse_names(pattern, fmt::format("'{}' is a regular expression; write it as a dotted name", from.text));
  return inverse_regex(from, to);
}

}  // namespace brainsurgery
