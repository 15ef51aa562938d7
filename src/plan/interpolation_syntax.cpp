#include "plan/interpolation_syntax.h"

#include <fmt/format.h>

#include "base/text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr int kMaxNesting = 20;
constexpr std::string_view kOpen = "${";

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  TextTemplate run() {
    TextTemplate result;
    while (position_ < text_.size()) {
      const std::size_t open = text_.find(kOpen, position_);
      if (open == std::string_view::npos) {
        add(result, text_.substr(position_));
        break;
      }
      std::size_t slashes = 0;
      while (open - slashes > position_ && text_[open - slashes - 1] == '\\') ++slashes;
      add(result, text_.substr(position_, open - slashes - position_));
      add(result, text_.substr(open - slashes, slashes / 2));
      position_ = open;
      if (slashes % 2 == 1) {
        add(result, kOpen);
        position_ += kOpen.size();
      } else {
        result.emplace_back(interpolation(1));
      }
    }
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view message) const {
    throw Error(ErrorCode::plan, fmt::format("'{}': {}", text_, message), {}, {"a literal ${ is written \\${"});
  }

  static void add(TextTemplate& to, std::string_view text) {
    if (text.empty()) return;
    if (!to.empty() && std::holds_alternative<std::string>(to.back())) {
      std::get<std::string>(to.back()) += text;
    } else {
      to.emplace_back(std::string(text));
    }
  }

  [[nodiscard]] bool at(std::string_view word) const { return text_.substr(position_).starts_with(word); }

  std::shared_ptr<const Interpolation> interpolation(int nesting) {
    if (nesting > kMaxNesting) fail(fmt::format("${{...}} is nested more than {} deep", kMaxNesting));
    const std::size_t start = position_;
    position_ += kOpen.size();
    auto result = std::make_shared<Interpolation>();
    result->begin = start;
    int brackets = 0;
    for (;;) {
      if (position_ >= text_.size()) fail("a ${ is not closed by }");
      if (at(kOpen)) {
        result->head.emplace_back(interpolation(nesting + 1));
      } else if (at(":") && brackets <= 0) {
        ++position_;
        result->arguments = arguments(nesting, is_resolver(result->head));
        break;
      } else if (at("}")) {
        ++position_;
        break;
      } else {
        brackets += at("[") || at("(") ? 1 : at("]") || at(")") ? -1 : 0;
        const std::size_t length = quoted_length();
        add(result->head, text_.substr(position_, length));
        position_ += length;
      }
    }
    result->text = text_.substr(start, position_ - start);
    return result;
  }

  // Of the string in quotes that begins here; 1 where none does.
  [[nodiscard]] std::size_t quoted_length() const {
    if (!at("'") && !at("\"")) return 1;
    const std::size_t end = text_.find(text_[position_], position_ + 1);
    return end == std::string_view::npos ? 1 : end + 1 - position_;
  }

  static bool is_resolver(const TextTemplate& head) {
    const auto* name = head.size() == 1 ? std::get_if<std::string>(&head[0]) : nullptr;
    return name != nullptr && trim(*name) == "oc.env";
  }

  // Behind the colon; takes the closing brace too.
  std::vector<ResolverArgument> arguments(int nesting, bool of_resolver) {
    std::vector<ResolverArgument> result;
    for (;;) {
      result.push_back(argument(nesting, of_resolver));
      if (text_[position_++] == '}') return result;
    }
  }

  ResolverArgument argument(int nesting, bool of_resolver) {
    ResolverArgument result;
    skip_blanks();
    if (at("'") || at("\"")) {
      take_quoted(result);
      skip_blanks();
      if (!at(",") && !at("}")) fail("expected , or } after a quoted string");
      return result;
    }
    for (int braces = 0; braces > 0 || !at("}");) {
      if (of_resolver && at(",")) break;
      if (position_ >= text_.size()) fail("a ${ is not closed by }");
      if (at(kOpen)) {
        result.text.emplace_back(interpolation(nesting + 1));
      } else {
        if (!of_resolver) braces += at("{") ? 1 : at("}") ? -1 : 0;
        add(result.text, text_.substr(position_++, 1));
      }
    }
    if (!result.text.empty()) {
      if (auto* last = std::get_if<std::string>(&result.text.back())) last->erase(last->find_last_not_of(" \t") + 1);
    }
    return result;
  }

  void take_quoted(ResolverArgument& into) {
    const char quote = text_[position_++];
    into.quoted = true;
    while (position_ < text_.size() && text_[position_] != quote) {
      if (text_[position_] == '\\' && position_ + 1 < text_.size() && text_[position_ + 1] == quote) ++position_;
      add(into.text, text_.substr(position_++, 1));
    }
    if (position_ >= text_.size()) fail("a quoted string is not closed");
    ++position_;
  }

  void skip_blanks() {
    while (at(" ") || at("\t")) ++position_;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

[[noreturn]] void fail_path(std::string_view text) {
  throw Error(ErrorCode::plan, fmt::format("'{}' is not a valid path", text), {},
              {"paths are written a.b[0], or .a relative to their own place"});
}

}  // namespace

TextTemplate parse_template(std::string_view text) { return Parser(text).run(); }

ReferencePath parse_reference_path(std::string_view text) {
  const std::string_view whole = text = trim(text);
  ReferencePath path;
  while (text.starts_with('.')) {
    ++path.up;
    text.remove_prefix(1);
  }
  bool key_may_follow = true;
  while (!text.empty()) {
    const bool bracket = text.starts_with('[');
    if (!bracket && !key_may_follow) fail_path(whole);
    if (bracket) text.remove_prefix(1);
    const std::size_t end = bracket ? text.find(']') : std::min(text.find_first_of(".["), text.size());
    const std::string_view step = text.substr(0, end);
    if (end == std::string_view::npos || step.empty() || step.find_first_of(" \t[]{}$\\") != std::string_view::npos)
      fail_path(whole);
    path.steps.emplace_back(step);
    text.remove_prefix(end + (bracket ? 1 : 0));
    key_may_follow = text.starts_with('.');
    if (key_may_follow) text.remove_prefix(1);
    if (key_may_follow && (text.empty() || text.starts_with('['))) fail_path(whole);
  }
  if (path.steps.empty()) fail_path(whole);
  return path;
}

}  // namespace brainsurgery
