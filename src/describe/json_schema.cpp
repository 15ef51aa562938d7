#include "describe/json_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "describe/field_text.h"
#include "plan/modifiers.h"

namespace brainsurgery {
namespace {

using Json = nlohmann::ordered_json;

Json definition(std::string_view name) { return {{"$ref", fmt::format("#/definitions/{}", name)}}; }

Json any_of(std::vector<Json> alternatives) { return {{"anyOf", std::move(alternatives)}}; }

Json list_of(Json items, int least = 1) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", least}};
}

Json matching(std::string pattern) { return {{"type", "string"}, {"pattern", std::move(pattern)}}; }

const Json kText{{"type", "string"}, {"minLength", 1}};
const Json kNull{{"type", "null"}};

// What the program takes trimmed and in any case; JSON Schema's regular expressions have no flag for it.
Json words_in_any_case(const std::vector<std::string>& words) {
  std::string pattern;
  for (const std::string& word : words) {
    if (!pattern.empty()) pattern += "|";
    for (const char c : word) {
      if (c >= 'a' && c <= 'z') {
        pattern += fmt::format("[{}{}]", c, static_cast<char>(c - 'a' + 'A'));
      } else {
        pattern += c == '.' || c == '+' ? fmt::format("\\{}", c) : std::string(1, c);
      }
    }
  }
  return matching(fmt::format("^\\s*(?:{})\\s*$", pattern));
}

// The words first, so that an editor offers them.
Json one_of_words(const std::vector<std::string>& words) {
  return any_of({{{"enum", words}}, words_in_any_case(words), definition("interpolated")});
}

Json dtype_schema() {
  std::vector<std::string> canonical, all;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes) continue;
    canonical.emplace_back(row.torch_name);
    all.emplace_back(row.torch_name);
    all.insert(all.end(), row.aliases.begin(), row.aliases.end());
  }
  return any_of({{{"enum", canonical}}, words_in_any_case(all), definition("interpolated")});
}

Json value_of(const FieldType& type);
Json mapping_of(const Schema& schema);

bool is_literal(const ScalarType& type) { return type.role && type.role->names == Role::Names::literal; }

Json value_of(const ScalarType& type) {
  switch (type.kind) {
    case Scalar::reference:
      return is_literal(type) ? kText : definition("reference");
    case Scalar::boolean:
      return any_of({{{"type", "boolean"}}, definition("interpolated")});
    case Scalar::flag:
      return definition("flag");
    case Scalar::number:
      return definition("number");
    case Scalar::tolerance:
      return any_of({{{"type", "number"}, {"minimum", 0}}, definition("interpolated")});
    case Scalar::integer:
      return definition("integer");
    case Scalar::dtype:
      return definition("dtype");
    case Scalar::choice:
      return one_of_words(type.choices);
    case Scalar::path:
    case Scalar::input:
    case Scalar::alias:
    case Scalar::pattern:
    case Scalar::text:
    case Scalar::plan_text:
      return kText;
    case Scalar::size:
      return any_of({matching("^\\s*[0-9]+\\s*[kKmMgGtT]?[bB]\\s*$"), {{"const", "none"}}, definition("interpolated")});
    case Scalar::formula:
      return any_of({kText, {{"type", {"number", "boolean"}}}});
    case Scalar::any:
      return Json::object();
    case Scalar::topic:
      return definition("topic");
  }
  return Json::object();
}

Json value_of(const ListType& type) {
  if (type.nested) return definition("numbers");
  return any_of({list_of(value_of(*type.each), static_cast<int>(type.least)), definition("interpolated")});
}

Json value_of(const RecordType& type) {
  if (type.schema->own_keys) return definition(type.schema->name);
  std::vector<Json> alternatives{mapping_of(*type.schema)};
  if (type.schema->shorthand != nullptr) alternatives.push_back(value_of(*type.schema->shorthand->type));
  alternatives.push_back(definition("interpolated"));
  return any_of(std::move(alternatives));
}

Json value_of(const MappingType& type) {
  // A text among many may be empty.
  const Json each = is_scalar(*type.each, Scalar::text) ? Json{{"type", "string"}} : value_of(*type.each);
  return any_of({{{"type", "object"}, {"additionalProperties", each}}, definition("interpolated")});
}

Json value_of(const OneOfType& type) {
  std::vector<Json> alternatives;
  for (const FieldTypePtr& each : type.alternatives) alternatives.push_back(value_of(*each));
  return any_of(std::move(alternatives));
}

Json value_of(const NamedType& type) { return definition(type.of == NamedType::Of::steps ? "step" : "assertion"); }

Json value_of(const FieldType& type) {
  return std::visit([](const auto& shape) { return value_of(shape); }, type.shape);
}

Json documented(const Field& field) {
  std::string text = field.docs;
  if (const std::string names = names_text(field); !names.empty()) text += (text.empty() ? "" : " ") + names;
  if (!field.default_text.empty()) text += fmt::format(" Default: {}.", field.default_text);
  Json value = value_of(*field.type);
  if (field.null_is_absent && !field.role) value = any_of({std::move(value), kNull});
  return {{"description", text}, {"allOf", {std::move(value)}}};
}

// `more`: fields of another schema that may be there too, or nullptr.
Json mapping_of(const Schema& schema, const Schema* more) {
  Json properties = Json::object(), required = Json::array(), alternatives = Json::array();
  if (more != nullptr) {
    for (const auto& field : more->fields) properties[field->name] = documented(*field);
  }
  for (const auto& field : schema.fields) {
    properties[field->name] = documented(*field);
    if (field->required) required.push_back(field->name);
  }
  for (const std::string& name : schema.needs_one_of) alternatives.push_back({{"required", {name}}});
  Json mapping{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) mapping["required"] = required;
  if (!alternatives.empty()) mapping["anyOf"] = alternatives;
  return mapping;
}

Json mapping_of(const Schema& schema) { return mapping_of(schema, nullptr); }

// Of a step that takes an operator and modifiers beside it.
Json repeated_operator(const Schema& modifiers) {
  return {{"type", "object"},
          {"properties", {{"each", documented(*modifiers.find("each"))}, {"when", documented(*modifiers.find("when"))}}},
          {"anyOf", {{{"required", {"each"}}}, {{"required", {"when"}}}}},
          {"minProperties", 2},
          {"maxProperties", 3}};
}

Json payload_of(const Schema& schema, const Schema* modifiers = nullptr) {
  std::vector<Json> alternatives;
  if (!schema.shorthand_only) alternatives.push_back(mapping_of(schema, modifiers));
  if (modifiers != nullptr && takes_operator(schema)) alternatives.push_back(repeated_operator(*modifiers));
  if (schema.shorthand != nullptr) alternatives.push_back(value_of(*schema.shorthand->type));
  if (schema.may_be_empty()) {
    alternatives.push_back(kNull);
    if (schema.shorthand_only) alternatives.push_back({{"type", "object"}, {"maxProperties", 0}});
  }
  alternatives.push_back(definition("interpolated"));
  std::string text = schema.docs.summary;
  if (!schema.docs.details.empty()) text += " " + schema.docs.details;
  return {{"description", text}, {"examples", {schema.docs.example}}, {"anyOf", alternatives}};
}

// A mapping with exactly one of the schemas' names as its key.
Json one_named(const std::vector<Schema>& schemas, std::string_view kind) {
  Json properties = Json::object();
  for (const Schema& schema : schemas) properties[schema.name] = definition(fmt::format("{}.{}", kind, schema.name));
  return {{"type", "object"},
          {"properties", properties},
          {"additionalProperties", false},
          {"minProperties", 1},
          {"maxProperties", 1}};
}

Json topics(const Catalog& catalog) {
  std::vector<std::string> operators;
  for (const Schema& schema : catalog.operators) operators.push_back(schema.name);
  std::vector<std::string> steps;
  Json properties = Json::object();
  for (const Schema& step : catalog.steps) {
    steps.push_back(step.name);
    properties[step.name] = takes_operator(step) ? any_of({{{"enum", operators}}, kNull}) : kNull;
  }
  return any_of(
      {{{"enum", steps}},
       {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}, {"maxProperties", 1}},
       definition("interpolated")});
}

Json step(const Catalog& catalog) {
  std::vector<std::string> bare;
  for (const Schema& schema : catalog.steps) {
    if (schema.may_be_empty()) bare.push_back(schema.name);
  }
  return any_of({one_named(catalog.steps, "step"), {{"enum", bare}}, definition("interpolated")});
}

// A part of a plan, which may be left empty.
Json section(Json value) {
  value["anyOf"].push_back(kNull);
  return value;
}

Json plan(const Catalog& catalog) {
  Json output = section(payload_of(*catalog.section("output")));
  output["anyOf"].push_back({{"type", "object"}, {"maxProperties", 0}});
  output["anyOf"].push_back({{"type", "string"}, {"maxLength", 0}});
  Json properties{{"inputs", section(payload_of(*catalog.section("inputs")))},
                  {"params",
                   {{"description",
                     "Names with their values, or with {default, type, doc}; -p NAME=VALUE sets one from outside."},
                    {"type", {"object", "null"}}}},
                  {"transforms",
                   {{"description", catalog.plan.find("transforms")->docs}, {"allOf", {definition("steps")}}}},
                  {"output", std::move(output)}};
  return {{"type", {"object", "null"}},
          {"properties", std::move(properties)},
          {"patternProperties", {{"^x-", {{"description", "A key of your own, for ${...}."}}}}}};
}

// float(text) of Python, which fields that take numbers accept as well.
constexpr const char* kNumericText =
    R"(^\s*[+-]?(?:(?:[0-9]+(?:_[0-9]+)*\.?(?:[0-9]+(?:_[0-9]+)*)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])\s*$)";

}  // namespace

std::string plan_json_schema(const Catalog& catalog) {
  Json definitions;
  definitions["plan"] = plan(catalog);
  definitions["steps"] = any_of({list_of(definition("step"), 0), definition("step"), kNull});
  definitions["step"] = step(catalog);
  definitions["assertion"] = any_of({one_named(catalog.operators, "operator"), definition("interpolated")});
  definitions["reference"] = any_of({kText, list_of(kText)});
  definitions["number"] =
      any_of({{{"type", {"number", "boolean"}}}, matching(kNumericText), definition("interpolated")});
  definitions["numbers"] =
      any_of({{{"type", {"number", "boolean"}}}, list_of(definition("numbers"), 0), definition("interpolated")});
  definitions["integer"] = any_of({{{"type", "integer"}}, definition("interpolated")});
  definitions["flag"] = any_of({{{"type", "boolean"}},
                                words_in_any_case({"true", "t", "yes", "on", "false", "f", "no", "off"}),
                                definition("interpolated")});
  definitions["dtype"] = dtype_schema();
  definitions["topic"] = topics(catalog);
  definitions["interpolated"] = matching("\\$\\{");
  for (const Schema& schema : catalog.steps) definitions["step." + schema.name] = payload_of(schema, &modifiers_schema());
  for (const Schema& schema : catalog.operators) definitions["operator." + schema.name] = payload_of(schema);
  const Json root{{"$schema", "http://json-schema.org/draft-07/schema#"},
                  {"title", "brainsurgery plan"},
                  {"allOf", {definition("plan")}},
                  {"definitions", std::move(definitions)}};
  return root.dump(2) + "\n";
}

}  // namespace brainsurgery
