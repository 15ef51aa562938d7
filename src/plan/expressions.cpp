#include "plan/expressions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/ascii.h"
#include "base/text.h"
#include "plan/structured_pattern.h"
#include "plan/yaml_scalars.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxWidth = 3;  // digits of a width or a precision

// The parts of a format: [0][width][.precision]type.
struct NumberFormat {
  std::string width, precision;  // as written; the width with its 0
  char type = 0;
};

std::optional<NumberFormat> number_format(std::string_view text) {
  NumberFormat format;
  const auto digits = [&text] {
    std::string taken;
    while (!text.empty() && is_digit(text.front()) && taken.size() < kMaxWidth) {
      taken += text.front();
      text.remove_prefix(1);
    }
    return taken;
  };
  format.width = digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    format.precision = digits();
    if (format.precision.empty()) return std::nullopt;
  }
  if (text.size() != 1) return std::nullopt;
  format.type = text.front();
  const bool integral = format.type == 'd' || format.type == 'x';
  const bool floating = format.type == 'f' || format.type == 'g' || format.type == 'e';
  if ((!integral && !floating) || (integral && !format.precision.empty())) return std::nullopt;
  return format;
}

// A plain `${name}`.
const std::string* plain_name(const Interpolation& interpolation) {
  if (interpolation.arguments || interpolation.head.size() != 1) return nullptr;
  const auto* head = std::get_if<std::string>(&interpolation.head[0]);
  return head != nullptr && is_variable_name(*head) ? head : nullptr;
}

bool knows_all(const ValueScope& scope, const std::set<std::string, std::less<>>& names) {
  return std::ranges::all_of(names, [&scope](const std::string& name) { return scope.knows(name); });
}

YamlPtr explained_text(const YamlPtr& node, const ValueScope& scope) {
  if (node->mistake() == nullptr) return node;
  const TextTemplate parts = parse_template(node->text());
  std::string final_text, open_text;  // without and with what makes it a template
  bool is_open = false;
  for (const auto& part : parts) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      final_text += *literal;
      open_text += escaped_literal(*literal);
      continue;
    }
    const Interpolation& interpolation = *std::get<std::shared_ptr<const Interpolation>>(part);
    const std::optional<Expression> expression = expression_of(interpolation, *node);
    if (!expression || !knows_all(scope, expression->names)) {
      is_open = true;
      append_interpolation(open_text, interpolation.text);
      continue;
    }
    const PlanValue value = evaluate(expression->formula, scope);
    if (parts.size() == 1 && expression->format.empty()) return node_of(value, node->span());
    const std::string text = text_of(value, *expression);
    final_text += text;
    open_text += escaped_literal(text);
  }
  // What is open is read as a template once more.
  if (is_open) return open_text == node->text() ? node : YamlNode::unexplained(*node, open_text, node->mistake());
  return node->is_untyped() ? YamlNode::untyped(node->span(), final_text) : YamlNode::filled(node->span(), final_text);
}

}  // namespace

bool is_number_format(std::string_view text) { return number_format(text).has_value(); }

std::optional<Expression> expression_of(const Interpolation& interpolation, const YamlNode& within) {
  const auto* head = interpolation.head.size() == 1 ? std::get_if<std::string>(&interpolation.head[0]) : nullptr;
  if (head == nullptr) return std::nullopt;
  std::string format;
  if (interpolation.arguments) {
    const std::vector<ResolverArgument>& arguments = *interpolation.arguments;
    const auto* text = arguments.size() == 1 && arguments[0].text.size() == 1 && !arguments[0].quoted
                           ? std::get_if<std::string>(&arguments[0].text[0])
                           : nullptr;
    if (text == nullptr || !is_number_format(*text)) return std::nullopt;
    format = *text;
  }
  const std::size_t begin = interpolation.begin + 2;
  const std::string& whole = within.text();
  const bool in_place = whole.substr(std::min(begin, whole.size())).starts_with(*head);
  FormulaText text{in_place ? whole.substr(0, begin + head->size()) : *head, fmt::format("'{}'", interpolation.text),
                   in_place ? within.span() : SourceSpan(), in_place ? begin : 0};
  try {
    Formula formula = parse_formula(std::move(text));
    if (std::holds_alternative<terms::Number>(formula.root->kind)) return std::nullopt;  // ${1} is a key, or a mistake
    std::set<std::string, std::less<>> names = names_in(formula);
    return Expression{std::move(formula), std::move(format), std::move(names)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string text_of(const PlanValue& value, const Expression& expression) {
  const TextRange all{expression.formula.text.begin, expression.formula.text.text.size()};
  const auto fail = [&](const std::string& message) { expression.formula.text.fail(all, message); };
  if (value.is_null() || value.list() != nullptr || value.record() != nullptr)
    fail(fmt::format("it cannot be part of a string: it is {}", describe(value)));
  if (expression.format.empty()) return to_text(value);
  const NumberFormat format = *number_format(expression.format);
  const auto* floating = std::get_if<double>(&value.is);
  if (value.integer() == nullptr && floating == nullptr)
    fail(fmt::format("the format '{}' is for numbers, not for {}", expression.format, describe(value)));
  const bool integral = format.type == 'd' || format.type == 'x';
  if (integral && value.integer() == nullptr)
    fail(fmt::format("the format '{}' is for integers, not for {}", expression.format, describe(value)));
  const std::string spec = fmt::format("{{:{}{}{}{}}}", format.width, format.precision.empty() ? "" : ".",
                                       format.precision, format.type);
  if (integral) return fmt::format(fmt::runtime(spec), *value.integer());
  const double number = floating != nullptr ? *floating : static_cast<double>(*value.integer());
  return fmt::format(fmt::runtime(spec), number);
}

PlanValue value_of(const YamlNode& node) {
  if (node.is_untyped()) {
    const YamlPtr plain = YamlNode::plain(node.span(), node.text());
    if (!plain->is_string()) return value_of(*plain);
    return {node.text()};
  }
  if (node.is_null()) return {};
  if (node.is(YamlKind::boolean)) return {node.boolean()};
  if (node.is(YamlKind::integer) && node.integer()) return {*node.integer()};
  if (node.is_number()) return {node.floating()};
  if (node.is_sequence()) {
    PlanValue::List items;
    for (const YamlPtr& item : node.items()) items.push_back(value_of(*item));
    return {std::move(items)};
  }
  if (node.is_mapping()) {
    PlanValue::Record entries;
    for (const auto& [key, value] : node.entries()) entries.emplace_back(key->text(), value_of(*value));
    return {std::move(entries)};
  }
  return {node.text()};
}

YamlPtr node_of(const PlanValue& value, const SourceSpan& span) {
  struct Make {
    const SourceSpan& span;
    YamlPtr operator()(std::monostate) const { return YamlNode::null(span); }
    YamlPtr operator()(bool truth) const { return YamlNode::plain(span, truth ? "true" : "false"); }
    YamlPtr operator()(std::int64_t number) const { return YamlNode::plain(span, std::to_string(number)); }
    YamlPtr operator()(double number) const {
      YamlScalar scalar{YamlKind::floating};
      scalar.floating = number;
      return YamlNode::scalar(span, fmt::format("{}", number), scalar, false);
    }
    YamlPtr operator()(const std::string& text) const { return YamlNode::text(span, text); }
    YamlPtr operator()(const PlanValue::List& list) const {
      YamlItems items;
      for (const PlanValue& item : list) items.push_back(node_of(item, span));
      return YamlNode::sequence(span, std::move(items));
    }
    YamlPtr operator()(const PlanValue::Record& record) const {
      YamlEntries entries;
      for (const auto& [key, item] : record) entries.emplace_back(YamlNode::text(span, key), node_of(item, span));
      return YamlNode::mapping(span, std::move(entries));
    }
  };
  return std::visit(Make{span}, value.is);
}

void append_interpolation(std::string& to, std::string_view interpolation) {
  const std::size_t last = to.find_last_not_of('\\');
  const std::size_t slashes = to.size() - (last == std::string::npos ? 0 : last + 1);
  to.append(slashes, '\\').append(interpolation);
}

YamlPtr explain(const YamlPtr& node, const ValueScope& scope) {
  if (node->is_string()) return explained_text(node, scope);
  if (node->is_sequence()) {
    YamlItems items = node->items();
    for (YamlPtr& item : items) item = explain(item, scope);
    return items == node->items() ? node : YamlNode::sequence(node->span(), std::move(items));
  }
  if (node->is_mapping()) {
    YamlEntries entries = node->entries();
    for (auto& [key, value] : entries) value = explain(value, scope);
    return entries == node->entries() ? node : YamlNode::mapping(node->span(), std::move(entries));
  }
  return node;
}

std::string escaped_literal(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("${", at);
    if (open == std::string_view::npos) return result.append(text.substr(at));
    std::size_t slashes = 0;
    while (open - slashes > at && text[open - slashes - 1] == '\\') ++slashes;
    result.append(text.substr(at, open - at)).append(slashes, '\\').append("\\${");
    at = open + 2;
  }
  return result;
}

std::string expression_with(const YamlNode& node, std::string_view name) {
  for (const auto& part : parse_template(node.text())) {
    const auto* interpolation = std::get_if<std::shared_ptr<const Interpolation>>(&part);
    if (interpolation == nullptr) continue;
    const std::optional<Expression> expression = expression_of(**interpolation, node);
    if (expression && expression->names.contains(name)) return (*interpolation)->text;
  }
  return "";
}

void collect_names(const YamlNode& node, bool plain, std::set<std::string, std::less<>>& into) {
  if (node.is_string() && node.mistake() != nullptr) {
    for (const auto& part : parse_template(node.text())) {
      const auto* interpolation = std::get_if<std::shared_ptr<const Interpolation>>(&part);
      if (interpolation == nullptr || (!plain && plain_name(**interpolation) != nullptr)) continue;
      if (const std::optional<Expression> expression = expression_of(**interpolation, node))
        into.insert(expression->names.begin(), expression->names.end());
    }
  }
  for (const YamlPtr& item : node.items()) collect_names(*item, plain, into);
  for (const auto& [key, value] : node.entries()) collect_names(*value, plain, into);
}

}  // namespace brainsurgery
