#include "plan/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/spelling.h"
#include "formula/formula.h"
#include "plan/yaml_edit.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 3> kDeclarationKeys{"default", "type", "doc"};
constexpr std::array<std::string_view, 6> kTypes{"integer", "number", "boolean", "string", "list", "any"};

bool has_type(const YamlNode& value, std::string_view type) {
  if (type == "integer") return value.is(YamlKind::integer);
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is(YamlKind::boolean);
  if (type == "string") return value.is_string();
  if (type == "list") return value.is_sequence();
  return true;
}

// The value as its type wants it: an argument's text is read as YAML, unless it is to be a string.
YamlPtr typed(const YamlPtr& value, std::string_view type) {
  if (!value->is_untyped() || type == "string") return value;
  const YamlPtr structured = as_structure(value);
  return structured->is_untyped() ? YamlNode::plain(value->span(), value->text()) : structured;
}

void require_type(const std::string& name, const YamlPtr& value, const std::string& type) {
  if (has_type(*typed(value, type), type)) return;
  throw Error(ErrorCode::plan, fmt::format("parameter '{}': expected a value of type {}, found {}", name, type,
                                           value->describe()),
              value->span());
}

// The type that a declaration names; "any" without one.
std::string type_of(const std::string& name, const YamlNode& declaration, Diagnostics& diagnostics) {
  const YamlNode* type = declaration.find("type");
  if (type == nullptr) return "any";
  if (std::ranges::find(kTypes, type->text()) != kTypes.end()) return type->text();
  diagnostics.error(type->span(), fmt::format("params.{}.type: expected one of {}, found {}", name,
                                              fmt::join(kTypes, ", "), type->describe()));
  return "any";
}

}  // namespace

bool is_open(const YamlNode& value) {
  if (value.mistake() != nullptr) return true;
  return std::ranges::any_of(value.items(), [](const YamlPtr& item) { return is_open(*item); }) ||
         std::ranges::any_of(value.entries(), [](const auto& entry) { return is_open(*entry.second); });
}

bool is_declaration(const YamlNode& parameter) {
  if (!parameter.is_mapping() || parameter.entries().empty()) return false;
  return std::ranges::all_of(parameter.entries(), [](const auto& entry) {
    return std::ranges::find(kDeclarationKeys, entry.first->text()) != kDeclarationKeys.end();
  });
}

bool lacks_value(const YamlNode& parameter) { return is_declaration(parameter) && parameter.find("default") == nullptr; }

void report_lacking_values(const YamlNode& params, Diagnostics& diagnostics) {
  for (const auto& [key, parameter] : params.entries()) {
    if (!lacks_value(*parameter)) continue;
    const YamlNode* doc = parameter->find("doc");
    std::vector<std::string> notes{fmt::format("give it by -p {}=VALUE", key->text())};
    if (doc != nullptr && doc->is_string()) notes.front() += ": " + doc->text();
    diagnostics.error(key->span(), fmt::format("parameter '{}' has no value", key->text()), std::move(notes));
  }
}

YamlPtr with_parameter(const YamlPtr& root, const std::shared_ptr<const SourceText>& argument) {
  Assignment assignment = parse_assignment(argument);
  const auto* name = std::get_if<std::string>(&assignment.path.front());
  const YamlNode* params = root->find("params");
  const YamlNode* parameter = params == nullptr || name == nullptr ? nullptr : params->find(*name);
  if (parameter == nullptr) {
    std::vector<std::string> known;
    if (params != nullptr) {
      for (const auto& [key, value] : params->entries()) known.push_back(key->text());
    }
    std::vector<std::string> notes = name == nullptr ? std::vector<std::string>() : did_you_mean(*name, known);
    notes.push_back(known.empty() ? "the plan has no parameters"
                                  : fmt::format("parameters: {}", fmt::join(known, ", ")));
    throw Error(ErrorCode::plan, fmt::format("the plan has no parameter '{}'", name == nullptr ? "" : *name),
                assignment.spans.front(), std::move(notes));
  }
  const bool declared = is_declaration(*parameter);
  const bool is_known = assignment.value->text().find("${") == std::string::npos;  // else its value follows later
  if (const YamlNode* type = declared && is_known ? parameter->find("type") : nullptr)
    require_type(*name, assignment.value, type->text());
  assignment.path.insert(assignment.path.begin(), std::string("params"));
  if (declared) assignment.path.insert(assignment.path.begin() + 2, std::string("default"));
  assignment.spans.resize(assignment.path.size(), assignment.spans.front());
  return with_assignment(root, assignment);
}

std::vector<std::pair<std::string, YamlPtr>> parameters_of(const YamlNode& params, Diagnostics& diagnostics) {
  std::vector<std::pair<std::string, YamlPtr>> result;
  if (params.is_null()) return result;
  if (!params.is_mapping()) {
    diagnostics.error(params.span(), fmt::format("params: expected names with their values, found {}", params.describe()));
    return result;
  }
  report_lacking_values(params, diagnostics);
  for (const auto& [key, parameter] : params.entries()) {
    const std::string& name = key->text();
    if (!is_formula_name(name)) {
      diagnostics.error(key->span(), fmt::format("params: '{}' is no name: letters, digits and '_'", name));
      continue;
    }
    if (lacks_value(*parameter)) continue;  // reported
    const bool declared = is_declaration(*parameter);
    const YamlPtr value = declared ? parameter->find_ptr("default") : parameter;
    result.emplace_back(name, as_structure(value));
    if (is_open(*value)) continue;
    try {
      if (declared) require_type(name, value, type_of(name, *parameter, diagnostics));
    } catch (const Error& mistake) {
      diagnostics.add(mistake);
    }
  }
  return result;
}

}  // namespace brainsurgery
