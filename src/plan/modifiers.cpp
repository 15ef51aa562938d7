#include "plan/modifiers.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/expressions.h"
#include "plan/field_values.h"
#include "plan/parameters.h"
#include "plan/structured_pattern.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

struct ModifiersSpec {};

void decoded_elsewhere(const YamlNode&, const FieldDecoder&, ModifiersSpec&) {}

// A list, or a text: a range of numbers, or one pattern.
FieldTypePtr list_or_text(FieldTypePtr each) {
  return one_of_types({scalar(Scalar::text), list_of(std::move(each), 0)},
                      [](const YamlNode& value) -> std::size_t { return value.is_sequence() ? 1 : 0; });
}

FieldTypePtr text_or_mapping() {
  return one_of_types({scalar(Scalar::text), mapping_of(list_or_text(scalar(Scalar::any)))},
                      [](const YamlNode& value) -> std::size_t { return value.is_mapping() ? 1 : 0; });
}

Schema make_schema() {
  SchemaBuilder<ModifiersSpec> schema(
      "modifiers", {"Keys that every step may have.", "",
                    "{from: 'h.$i.w', to: 'h.${i + 12}.w', where: i < 4}"});
  schema.custom("each", mapping_of(list_or_text(scalar(Scalar::any))), decoded_elsewhere)
      .doc(
          "Names and their values: a list, or a range such as 0..7. The step is done for every combination, with the "
          "value in the place of ${name}; it stays one step.");
  schema.custom("over", text_or_mapping(), decoded_elsewhere)
      .doc(
          "Of concat, stack, split and unstack: the name that counts the tensors that are joined or cut, or {name: "
          "values}, which writes the reference once for every value.");
  schema.custom("where", scalar(Scalar::formula), decoded_elsewhere)
      .doc(
          "Of edits: only matches for which the condition holds, such as i >= 8 and dtype == 'float32'. Names: what the "
          "pattern captures, name, dtype, rank, shape, elements, bytes, is_floating.");
  schema.custom("except", list_or_text(scalar(Scalar::pattern)), decoded_elsewhere)
      .doc("Of edits: a pattern, or a list of them; names that match one are left out.");
  schema.custom("optional", scalar(Scalar::boolean), decoded_elsewhere)
      .defaults_to("false")
      .doc("Of edits: a pattern that matches nothing is no mistake.");
  schema.custom("when", scalar(Scalar::formula), decoded_elsewhere)
      .doc(
          "Whether the step is done, such as bits == 8 or config.tie_word_embeddings. Names: parameters, names of each, "
          "config, shape, dtype, file.");
  return schema.schema();
}

// "0..7" as its items; nullopt: no range.
std::optional<PlanValue::List> range_of(const YamlNode& node, std::string_view path) {
  if (!node.is_string() || node.text().find("..") == std::string::npos) return std::nullopt;
  static const Variables kNone;
  try {
    const Formula formula = parse_formula({fmt::format("[{}]", node.text()), std::string(path)});
    return *evaluate(formula, VariableScope(kNone, nullptr)).list();
  } catch (const Error& error) {  // its place is in a text with brackets, not in the plan
    const Diagnostic& mistake = error.diagnostics().front();
    throw Error(ErrorCode::plan, mistake.message, node.span(), mistake.notes);
  }
}

}  // namespace

SplitPayload split_modifiers(const YamlPtr& payload, const Schema& schema) {
  SplitPayload result{payload, {}};
  if (!payload->is_mapping()) return result;
  YamlEntries rest;
  for (const auto& entry : payload->entries()) {
    const auto taken = [&schema, &entry](YamlPtr& into, std::string_view modifier) {
      if (entry.first->text() != modifier || schema.find(modifier) != nullptr) return false;
      into = entry.second;
      return true;
    };
    WrittenModifiers& found = result.modifiers;
    const bool is_modifier = taken(found.when, "when") || taken(found.each, "each") || taken(found.over, "over") || taken(found.where, "where") ||
                             taken(found.except, "except") || taken(found.optional, "optional");
    if (!is_modifier) rest.push_back(entry);
  }
  if (rest.size() < payload->entries().size()) result.payload = YamlNode::mapping(payload->span(), std::move(rest));
  return result;
}

bool takes_modifier(const Schema& step, std::string_view modifier) {
  const auto any_role = [&step](const auto& holds) {
    return std::ranges::any_of(step.fields, [&](const auto& field) { return field->role && holds(*field->role); });
  };
  if (modifier == "when" || modifier == "each") return true;
  if (modifier == "over") return any_role([](const Role& role) { return role.members; });
  return any_role([](const Role& role) { return role.names == Role::Names::pattern; }) &&
         any_role([](const Role& role) { return role.writes || role.removes; });
}

const Schema& modifiers_schema() {
  static const Schema schema = make_schema();
  return schema;
}

bool ParameterScope::knows(std::string_view name) const {
  return std::ranges::any_of(parameters_, [name](const auto& parameter) {
    return parameter.first == name && !is_open(*parameter.second);
  });
}

std::optional<PlanValue> ParameterScope::value(std::string_view name) const {
  for (const auto& [known, value] : parameters_) {
    if (known == name && !is_open(*value)) return value_of(*value);
  }
  return std::nullopt;
}

std::vector<std::string> ParameterScope::names() const {
  std::vector<std::string> result;
  for (const auto& [name, value] : parameters_) result.push_back(name);
  return result;
}

bool VariableScope::knows(std::string_view name) const {
  return std::ranges::find(variables_, name, &Variables::value_type::first) != variables_.end() ||
         (outer_ != nullptr && outer_->knows(name));
}

std::optional<PlanValue> VariableScope::value(std::string_view name) const {
  const auto found = std::ranges::find(variables_, name, &Variables::value_type::first);
  if (found != variables_.end()) return found->second;
  return outer_ == nullptr ? std::nullopt : outer_->value(name);
}

std::optional<PlanValue> VariableScope::call(std::string_view function, const std::vector<PlanValue>& arguments) const {
  return outer_ == nullptr ? std::nullopt : outer_->call(function, arguments);
}

std::vector<std::string> VariableScope::names() const {
  std::vector<std::string> result;
  for (const auto& [name, value] : variables_) result.push_back(name);
  if (outer_ == nullptr) return result;
  const std::vector<std::string> more = outer_->names();
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

PlanValue::List values_of(const YamlNode& node, std::string_view path) {
  if (std::optional<PlanValue::List> range = range_of(node, path)) return *std::move(range);
  PlanValue value = value_of(node);
  if (value.list() == nullptr) {
    throw Error(ErrorCode::plan, fmt::format("{}: expected a list, or a range such as 0..7, found {}", path,
                                             node.describe()),
                node.span());
  }
  return std::get<PlanValue::List>(std::move(value.is));
}

std::vector<Variables> combinations(const YamlPtr& each, std::string_view path, const ValueScope* outer,
                                    YamlPtr& unknown) {
  std::vector<Variables> result{{}};
  if (each == nullptr) return result;
  if (!each->is_mapping() || each->entries().empty())
    throw Error(ErrorCode::plan, fmt::format("{}.each: expected names with their values, found {}", path,
                                             each->describe()),
                each->span());
  for (const auto& [key, written] : each->entries()) {
    const std::string field = fmt::format("{}.each.{}", path, key->text());
    if (!is_formula_name(key->text())) {
      throw Error(ErrorCode::plan, fmt::format("{}: this is no name: letters, digits and '_'", field), key->span());
    }
    std::vector<Variables> longer;
    std::size_t size = 0;
    for (const Variables& before : result) {
      const YamlPtr value = explain(written, VariableScope(before, outer));
      std::set<std::string, std::less<>> open;
      collect_names(*value, true, open);
      if (!open.empty()) {
        unknown = value;
        return {};
      }
      for (PlanValue& item : values_of(*value, field)) {
        Variables& added = longer.emplace_back(before);
        added.emplace_back(key->text(), std::move(item));
        for (const auto& [name, of_name] : added) size += size_of(of_name);
        if (size > kMaxValueSize) {
          throw Error(ErrorCode::plan,
                      fmt::format("{}: the combinations have more than {} values", field, kMaxValueSize), key->span());
        }
        if (longer.size() > kMaxCombinations) {
          throw Error(ErrorCode::plan, fmt::format("{}: the step would be done more than {} times", field,
                                                   kMaxCombinations),
                      key->span());
        }
      }
    }
    result = std::move(longer);
  }
  return result;
}

}  // namespace brainsurgery
