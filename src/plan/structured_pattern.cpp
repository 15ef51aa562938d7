#include "plan/structured_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kBytesPerMatchUnit = 1024;  // compared
constexpr std::size_t kMaxTokens = 1000;  // the matcher calls itself once per token

[[noreturn]] void fail_pattern(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

bool is_variable_name(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

StructuredPattern::StructuredPattern(const std::vector<std::string>& tokens) {
  if (tokens.size() > kMaxTokens) fail_pattern(fmt::format("a list of more than {} entries is not a name", kMaxTokens));
  for (const std::string& token : tokens) tokens_.push_back(compile(token));
  single_after_.resize(tokens_.size() + 1);
  for (std::size_t i = tokens_.size(); i-- > 0;) {
    single_after_[i] = single_after_[i + 1] + (tokens_[i].kind == Kind::sequence ? 0 : 1);
  }
  find_prefix();
}

StructuredPattern::Token StructuredPattern::compile(const std::string& text) {
  if (text.size() > 1 && text[0] == '~') return compile_regex(text);
  if (text.size() > 1 && (text[0] == '$' || text[0] == '*')) {
    bool sequence = text[0] == '*';
    return {sequence ? Kind::sequence : Kind::scalar, text, {variable(text.substr(1), sequence, text)}, nullptr};
  }
  return {Kind::literal, text, {}, nullptr};
}

StructuredPattern::Token StructuredPattern::compile_regex(const std::string& text) {
  Token token{Kind::regex, text, {}, nullptr};
  std::size_t separator = text.find("::");
  bool binds = separator != std::string::npos;
  std::string regex = text.substr(binds ? separator + 2 : 1);
  if (binds) {
    for (std::string_view name : split_at(std::string_view(text).substr(1, separator - 1), ',')) {
      token.variables.push_back(variable(name, false, text));
    }
  }
  try {
    token.regex = std::make_shared<const RegexEngine>(regex);
  } catch (const Error& error) {
    fail_pattern(fmt::format("invalid regular expression in '{}': {}", text, error.what()));
  }
  const PythonRegex& parsed = token.regex->regex();
  if (!parsed.group_names.empty()) {
    fail_pattern(fmt::format("named group '{}' in '{}'; names are written in front, as in ~x,y::REGEX",
                     parsed.group_names[0].first, text));
  }
  std::size_t groups = static_cast<std::size_t>(parsed.group_count);
  bool whole = groups == 0 && token.variables.size() == 1;
  if (binds && !whole && groups != token.variables.size()) {
    fail_pattern(fmt::format("'{}' binds {} {} but has {} {}", text, token.variables.size(),
                     token.variables.size() == 1 ? "name" : "names", groups, groups == 1 ? "group" : "groups"));
  }
  return token;
}

std::size_t StructuredPattern::variable(std::string_view name, bool sequence, const std::string& token) {
  if (!is_variable_name(name)) {
    fail_pattern(fmt::format("invalid capture name '{}' in '{}'; a name is a letter or _, then letters, digits and _", name,
                     token));
  }
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (variables_[i].name != name) continue;
    if (variables_[i].sequence != sequence) fail_pattern(fmt::format("'{}' is used both as ${} and as *{}", name, name, name));
    return i;
  }
  variables_.push_back({std::string(name), sequence});
  return variables_.size() - 1;
}

void StructuredPattern::find_prefix() {
  std::size_t i = 0;
  bool dotted = false;
  for (; i < tokens_.size() && tokens_[i].kind == Kind::literal; ++i) {
    dotted = dotted || tokens_[i].text.find('.') != std::string::npos;
    prefix_ += tokens_[i].text;
    if (i + 1 < tokens_.size() && tokens_[i + 1].kind != Kind::sequence) prefix_ += '.';
  }
  literal_ = i == tokens_.size() && !dotted;  // a segment never holds a dot: such a token matches nothing
}

bool StructuredPattern::backtracks() const {
  return std::any_of(tokens_.begin(), tokens_.end(), [](const Token& token) {
    return token.kind == Kind::sequence || (token.regex != nullptr && token.regex->backtracks());
  });
}

// One attempt. Tries tokens from the left; on failure takes back what the last `*xs` took, one segment at a time.
class StructuredPattern::Matcher {
 public:
  Matcher(const StructuredPattern& pattern, std::string_view name, MatchBudget& budget)
      : pattern_(pattern), budget_(budget), segments_(split_at(name, '.')), bound_(pattern.variables_.size() + 1) {
    bound_[0] = {name, true, 1};
  }

  std::optional<Captures> run() {
    if (!match(0, 0)) return std::nullopt;
    return std::move(bound_);
  }

 private:
  bool match(std::size_t token_index, std::size_t segment) {
    budget_.spend(1);
    std::size_t left = segments_.size() - segment;
    if (left < pattern_.single_after_[token_index]) return false;
    if (token_index == pattern_.tokens_.size()) return left == 0;
    const Token& token = pattern_.tokens_[token_index];
    switch (token.kind) {
      case Kind::literal:
        return segments_[segment] == token.text && match(token_index + 1, segment + 1);
      case Kind::scalar:
        return with_bound(token.variables, {{segments_[segment], true, 1}}, token_index, segment + 1);
      case Kind::regex:
        return match_regex(token, token_index, segment);
      case Kind::sequence:
        break;
    }
    for (std::size_t count = left - pattern_.single_after_[token_index] + 1; count-- > 0;) {
      Capture taken{joined(segment, count), true, static_cast<std::int32_t>(count)};
      if (with_bound(token.variables, {taken}, token_index, segment + count)) return true;
    }
    return false;
  }

  [[nodiscard]] std::string_view joined(std::size_t first, std::size_t count) const {
    if (count == 0) return {};
    const std::string_view& last = segments_[first + count - 1];
    return {segments_[first].data(), static_cast<std::size_t>(last.data() + last.size() - segments_[first].data())};
  }

  bool match_regex(const Token& token, std::size_t token_index, std::size_t segment) {
    if (token.variables.empty()) {
      return token.regex->matches(segments_[segment], budget_) && match(token_index + 1, segment + 1);
    }
    std::optional<Captures> groups = token.regex->match(segments_[segment], budget_);
    if (!groups) return false;
    if (groups->size() > 1) groups->erase(groups->begin());  // without groups the whole segment is bound
    for (std::size_t i = 0; i < groups->size(); ++i) {
      if (!(*groups)[i].set) {
        throw Error(ErrorCode::plan,
                    fmt::format("group {} of '{}' does not take part in matching '{}'; '{}' gets no value", i + 1,
                                token.text, segments_[segment], pattern_.variables_[token.variables[i]].name));
      }
    }
    return with_bound(token.variables, *groups, token_index, segment + 1);
  }

  // Binds, goes on behind the token, and unbinds again unless that succeeded.
  bool with_bound(const std::vector<std::size_t>& variables, const Captures& values, std::size_t token_index,
                  std::size_t segment) {
    std::vector<std::size_t> fresh;
    bool fits = true;
    for (std::size_t i = 0; i < variables.size() && fits; ++i) {
      Capture& slot = bound_[variables[i] + 1];
      if (slot.set) {
        budget_.spend(std::ssize(slot.text) / kBytesPerMatchUnit);
        fits = slot.text == values[i].text && slot.segments == values[i].segments;
      } else {
        slot = values[i];
        fresh.push_back(variables[i]);
      }
    }
    if (fits && match(token_index + 1, segment)) return true;
    for (std::size_t index : fresh) bound_[index + 1] = {};
    return false;
  }

  const StructuredPattern& pattern_;
  MatchBudget& budget_;
  std::vector<std::string_view> segments_;
  Captures bound_;
};

std::optional<Captures> StructuredPattern::match(std::string_view name, MatchBudget& budget) const {
  if (!name.starts_with(prefix_)) return std::nullopt;
  return Matcher(*this, name, budget).run();
}

}  // namespace brainsurgery
