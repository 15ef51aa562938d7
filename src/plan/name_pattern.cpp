#include "plan/name_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/hints.h"
#include "plan/name_pattern_impl.h"

namespace brainsurgery {
namespace {

constexpr std::int16_t kAny = PythonRegex::kAnyCharacter;

std::vector<std::int16_t> as_head(std::string_view prefix) {
  std::vector<std::int16_t> head;
  for (char c : prefix) head.push_back(static_cast<unsigned char>(c));
  return head;
}

}  // namespace

void NamePattern::Impl::set_head(std::vector<std::int16_t> new_head) {
  head = std::move(new_head);
  for (std::int16_t c : head) {
    if (c == kAny) break;
    prefix += static_cast<char>(c);
  }
}

NamePattern NamePattern::compile(const TensorRef& ref, std::string_view field) {
  if (!ref.structured) {
    try {
      return compile_regex(ref.expr, field);
    } catch (const Error& error) {
      throw error.at(ref.span);
    }
  }
  std::shared_ptr<Impl> impl = std::make_shared<Impl>();
  impl->text = ref.expr.empty() ? fmt::format("[{}]", fmt::join(ref.tokens, ", ")) : ref.expr;
  try {
    impl->list = std::make_unique<const StructuredPattern>(ref.tokens);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, fmt::format("{}: {}, in {}", field, error.what(), impl->text), ref.span);
  }
  impl->set_head(as_head(impl->list->literal_prefix()));
  impl->literal = impl->list->is_literal();
  return NamePattern(std::move(impl));
}

NamePattern NamePattern::compile_regex(std::string_view regex, std::string_view field) {
  std::shared_ptr<Impl> impl = std::make_shared<Impl>();
  impl->text = regex;
  try {
    impl->regex = std::make_unique<const RegexEngine>(regex);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, fmt::format("{}: invalid regular expression '{}': {}", field, regex, error.what()), {},
                glob_notes(regex));
  }
  const PythonRegex& parsed = impl->regex->regex();
  impl->set_head(parsed.head);
  impl->literal = parsed.head_is_all && impl->prefix.size() == impl->head.size();
  return NamePattern(std::move(impl));
}

std::optional<Captures> NamePattern::match(std::string_view name, MatchBudget& budget) const {
  if (impl_->literal) return name == impl_->prefix ? std::optional(Captures{{name, true, 1}}) : std::nullopt;
  budget.try_name(name, impl_->text);
  return impl_->list != nullptr ? impl_->list->match(name, budget) : impl_->regex->match(name, budget);
}

std::optional<Captures> NamePattern::match(std::string_view name) const {
  MatchBudget budget;
  return match(name, budget);
}

bool NamePattern::matches(std::string_view name, MatchBudget& budget) const {
  if (impl_->literal || impl_->list != nullptr) return match(name, budget).has_value();
  budget.try_name(name, impl_->text);
  return impl_->regex->matches(name, budget);
}

const std::string& NamePattern::literal_prefix() const { return impl_->prefix; }
bool NamePattern::is_literal() const { return impl_->literal; }
bool NamePattern::structured() const { return impl_->list != nullptr; }
const std::string& NamePattern::text() const { return impl_->text; }

bool NamePattern::backtracks() const {
  return impl_->list != nullptr ? impl_->list->backtracks() : impl_->regex->backtracks();
}

std::vector<std::string> NamePattern::capture_names() const {
  std::vector<std::string> names;
  if (impl_->list != nullptr) {
    for (const StructuredPattern::Variable& variable : impl_->list->variables()) names.push_back(variable.name);
  } else {
    for (const auto& [name, number] : impl_->regex->regex().group_names) names.push_back(name);
  }
  return names;
}

std::vector<std::pair<std::string, std::size_t>> NamePattern::named_captures() const {
  std::vector<std::pair<std::string, std::size_t>> named;
  if (impl_->list != nullptr) {
    for (const StructuredPattern::Variable& variable : impl_->list->variables())
      named.emplace_back(variable.name, named.size() + 1);
  } else {
    for (const auto& [name, number] : impl_->regex->regex().group_names)
      named.emplace_back(name, static_cast<std::size_t>(number));
  }
  return named;
}

std::size_t NamePattern::capture_count() const {
  return impl_->list != nullptr ? impl_->list->variables().size()
                                : static_cast<std::size_t>(impl_->regex->regex().group_count);
}

NamePattern::Next NamePattern::next(std::string_view name) const {
  const std::vector<std::int16_t>& head = impl_->head;
  std::size_t last_any = head.size();
  std::size_t shared = std::min(name.size(), head.size());
  for (std::size_t i = 0; i < shared; ++i) {
    int c = static_cast<unsigned char>(name[i]);
    if (head[i] == kAny) {
      if (c < 0x20 || c >= 0x7f) return {};  // several bytes may be one character here: go on name by name
      last_any = i;
      continue;
    }
    if (c == head[i]) continue;
    std::string key(name.substr(0, i));
    if (c < head[i]) {
      for (std::size_t j = i; j < head.size() && head[j] != kAny; ++j) key += static_cast<char>(head[j]);
      return {Next::Where::seek, std::move(key)};
    }
    if (last_any == head.size()) return {Next::Where::end, {}};
    key.resize(last_any + 1);
    key.back() = static_cast<char>(key.back() + 1);
    return {Next::Where::seek, std::move(key)};
  }
  if (impl_->literal && name.size() >= head.size()) return {Next::Where::end, {}};
  return {};
}

std::string literal_pattern(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (std::string_view("\\.^$*+?{}[]|()").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string literal_template(std::string_view name) {
  std::string result;
  for (const char c : name) result.append(c == '\\' ? 2 : 1, c);
  return result;
}

}  // namespace brainsurgery
