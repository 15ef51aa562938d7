#include <algorithm>

#include <fmt/format.h>

#include "base/ascii.h"
#include "plan/dotted_name.h"
#include "plan/name_pattern.h"
#include "plan/name_pattern_impl.h"

namespace brainsurgery {
namespace {

using Part = NameTemplate::Part;


[[noreturn]] void fail(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// `\1`, `\g<name>` and the like, against the groups of a regular expression. Source: "re.sub" of Python's library
// reference; differences are in docs/differences.md.
class ExpandedText {
 public:
  ExpandedText(std::string_view text, const PythonRegex& groups, std::string_view pattern)
      : text_(text), groups_(groups), pattern_(pattern) {}

  std::vector<Part> run() {
    while (position_ < text_.size()) {
      char c = text_[position_++];
      if (c == '\\') {
        take_escape();
      } else if (c == '$' && peek() == '{') {
        take_name();
      } else {
        literal_ += c;
      }
    }
    if (!literal_.empty() || parts_.empty()) parts_.push_back({std::move(literal_), -1, false});
    return std::move(parts_);
  }

 private:
  [[nodiscard]] char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  void add_group(int group) {
    if (group > groups_.group_count) {
      fail(fmt::format("invalid group reference {} in '{}': the pattern '{}' has {} {}", group, text_, pattern_,
                       groups_.group_count, groups_.group_count == 1 ? "group" : "groups"));
    }
    parts_.push_back({std::move(literal_), group, false});
    literal_.clear();
  }

  void take_escape() {
    if (position_ == text_.size()) fail(fmt::format("'{}' ends with a single backslash", text_));
    char c = text_[position_++];
    if (c == 'g') {
      take_named();
    } else if (c == 'n' || c == 't') {
      literal_ += c == 'n' ? '\n' : '\t';
    } else if (is_digit(c)) {
      take_number(c);
    } else if (is_letter(c)) {
      fail(fmt::format("bad escape \\{} in '{}'; a backslash itself is written \\\\", c, text_));
    } else {
      literal_ += c;
    }
  }

  void take_number(char first) {
    std::string digits(1, first);
    if (is_digit(peek())) digits += text_[position_++];
    bool octal = digits.size() == 2 && is_octal_digit(digits[0]) && is_octal_digit(digits[1]) && is_octal_digit(peek());
    if (octal) {
      digits += text_[position_++];
      int value = std::stoi(digits, nullptr, 8);
      if (value == 0 || value > 0177)
        fail(fmt::format("octal escape \\{} in '{}' is not an ASCII character", digits, text_));
      literal_ += static_cast<char>(value);
      return;
    }
    if (first == '0') fail(fmt::format("bad escape \\{} in '{}'; the whole match is \\g<0>", digits, text_));
    add_group(std::stoi(digits));
  }

  // ${name}, as \g<name>.
  void take_name() {
    const std::size_t close = text_.find('}', position_);
    const std::string_view name = text_.substr(position_ + 1, close - position_ - 1);
    const auto group = std::ranges::find(groups_.group_names, name, [](const auto& named) { return named.first; });
    if (close == std::string_view::npos || group == groups_.group_names.end()) {
      fail(fmt::format("'${{{}}}' in '{}' is neither a key of the plan nor a group that the pattern '{}' names", name,
                       text_, pattern_));
    }
    position_ = close + 1;
    add_group(group->second);
  }

  void take_named() {
    std::size_t close = text_.find('>', position_);
    if (peek() != '<' || close == std::string_view::npos) {
      fail(fmt::format("\\g in '{}' needs a group in angle brackets, as in \\g<1>", text_));
    }
    std::string name(text_.substr(position_ + 1, close - position_ - 1));
    position_ = close + 1;
    constexpr std::size_t kMostDigits = 6;
    if (!name.empty() && name.size() <= kMostDigits && std::all_of(name.begin(), name.end(), is_digit)) {
      add_group(std::stoi(name));
      return;
    }
    for (const auto& [known, number] : groups_.group_names) {
      if (known == name) {
        add_group(number);
        return;
      }
    }
    fail(fmt::format("unknown group '{}' in '{}': the pattern '{}' does not name it", name, text_, pattern_));
  }

  std::string_view text_;
  const PythonRegex& groups_;
  std::string_view pattern_;
  std::size_t position_ = 0;
  std::string literal_;
  std::vector<Part> parts_;
};

// `$x`, `${x}`, `*xs` and text, against the variables of a list.
class ListTemplate {
 public:
  ListTemplate(const StructuredPattern& pattern, std::string_view pattern_text)
      : pattern_(pattern), pattern_text_(pattern_text) {}

  std::vector<Part> run(const std::vector<std::string>& tokens) {
    for (const std::string& token : tokens) add_token(token);
    return std::move(parts_);
  }

 private:
  void add_token(const std::string& token) {
    std::string_view rest = std::string_view(token).substr(1);
    bool sigil = token.size() > 1;
    if (sigil && token[0] == '~')
      fail(fmt::format("'{}' is not allowed in a destination: ~ only matches names", token));
    if (sigil && token[0] == '*') {
      parts_.push_back({"", variable(rest, true, token), true});
    } else if (sigil && token[0] == '$' && rest[0] != '{') {
      parts_.push_back({"", variable(rest, false, token), true});
    } else {
      add_interpolated(token);
    }
  }

  void add_interpolated(const std::string& token) {
    std::string literal;
    bool start = true;
    for (std::size_t at = 0; at < token.size();) {
      std::string_view here = std::string_view(token).substr(at);
      std::size_t open = here.starts_with("${") ? 2 : here.starts_with("\\${") ? 3 : 0;
      if (open == 0) {
        literal += token[at++];
        continue;
      }
      std::size_t close = here.find('}');
      if (close == std::string_view::npos) fail(fmt::format("missing '}}' in '{}'", token));
      parts_.push_back({std::move(literal), variable(here.substr(open, close - open), false, token), start});
      literal.clear();
      start = false;
      at += close + 1;
    }
    if (!literal.empty()) parts_.push_back({std::move(literal), -1, start});
  }

  [[nodiscard]] std::int32_t variable(std::string_view name, bool sequence, const std::string& token) const {
    if (!is_variable_name(name)) fail(fmt::format("invalid capture name '{}' in '{}'", name, token));
    const std::vector<StructuredPattern::Variable>& known = pattern_.variables();
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (known[i].name != name) continue;
      if (known[i].sequence == sequence) return static_cast<std::int32_t>(i + 1);
      fail(sequence ? fmt::format("'{}' in '{}' is one segment; write ${}", name, token, name)
                    : fmt::format("'{}' in '{}' is a sequence of segments; write *{} as an entry of its own", name,
                                  token, name));
    }
    fail(fmt::format("'{}' in '{}' is not captured by {}", name, token, pattern_text_));
  }

  const StructuredPattern& pattern_;
  std::string_view pattern_text_;
  std::vector<Part> parts_;
};

}  // namespace

NameTemplate::NameTemplate(std::vector<Part> parts)
    : parts_(std::make_shared<const std::vector<Part>>(std::move(parts))) {}

NameTemplate NameTemplate::compile(const TensorRef& to, const NamePattern& of, std::string_view field) {
  try {
    if (to.structured && !of.structured()) {
      fail(fmt::format("'{}' and '{}' must have the same form: two strings or two lists", to.text, of.text()));
    }
    if (of.structured()) {
      const std::vector<std::string> entries = to.structured ? to.tokens : dotted_template_entries(to.expr);
      return NameTemplate(ListTemplate(*of.impl_->list, of.text()).run(entries));
    }
    return NameTemplate(ExpandedText(to.expr, of.impl_->regex->regex(), of.text()).run());
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, fmt::format("{}: {}", field, error.what()), to.span);
  }
}

std::string NameTemplate::expand(const Captures& captures) const {
  MatchBudget budget;
  return expand(captures, budget);
}

std::string NameTemplate::expand(const Captures& captures, MatchBudget& budget) const {
  std::string name;
  bool any_segment = false;
  for (const Part& part : *parts_) {
    const Capture* capture = part.capture < 0 ? nullptr : &captures[static_cast<std::size_t>(part.capture)];
    if (part.starts_segment) {
      if (capture != nullptr && capture->segments == 0) continue;
      if (any_segment) name += '.';
      any_segment = true;
    }
    name += part.literal;
    if (capture != nullptr) name += capture->text;
    budget.spend_on_name(std::ssize(part.literal) + (capture == nullptr ? 0 : std::ssize(capture->text)));
  }
  return name;
}

bool NameTemplate::uses(std::size_t capture) const {
  return std::ranges::any_of(*parts_, [capture](const Part& part) { return std::cmp_equal(part.capture, capture); });
}

bool NameTemplate::is_constant() const {
  return std::all_of(parts_->begin(), parts_->end(), [](const Part& part) { return part.capture < 0; });
}

}  // namespace brainsurgery
