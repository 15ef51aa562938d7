#include "describe/field_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "plan/oly.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

std::string type_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::reference:
      return field.role && field.role->names == Role::Names::literal ? "name" : "reference";
    case FieldKind::references:
      return field.role && field.role->names == Role::Names::literal ? "list of names" : "list of references";
    case FieldKind::number:
      return "number";
    case FieldKind::tolerance:
      return "number, not negative";
    case FieldKind::integer:
      return "integer";
    case FieldKind::integers:
      return "list of integers";
    case FieldKind::dtype:
      return "dtype";
    case FieldKind::choice:
      return fmt::format("one of {}", fmt::join(field.choices, ", "));
    case FieldKind::numbers:
      return "number, or nested lists of numbers";
    case FieldKind::predicate:
      return "assertion";
    case FieldKind::predicates:
      return "list of assertions";
    case FieldKind::boolean:
    case FieldKind::flag:
      return "true or false";
    case FieldKind::path:
      return "path";
    case FieldKind::alias:
      return "alias";
    case FieldKind::size:
      return "size such as 5GB, or none";
    case FieldKind::text:
      return "string";
    case FieldKind::steps:
      return "step, or list of steps";
    case FieldKind::plan:
      return "plan, or list of steps";
    case FieldKind::topic:
      return "name of a step, or {step: operator}";
    case FieldKind::metadata:
      return "mapping with set and drop";
    case FieldKind::formula:
      return "formula";
    case FieldKind::mapping:
      return fmt::format("mapping of names to: {}", type_text(*field.parts.front()));
    case FieldKind::one_of: {
      std::vector<std::string> kinds;
      for (const auto& part : field.parts)
        kinds.push_back(type_text(*part) + (part->docs.empty() ? "" : " " + part->docs));
      return fmt::format("{}", fmt::join(kinds, ", or "));
    }
    case FieldKind::any_value:
      break;
  }
  return "any value";
}

std::string names_text(const Field& field) {
  if (!field.role) return "";
  const Role& role = *field.role;
  std::string text;
  switch (role.names) {
    case Role::Names::pattern:
      text = role.single ? "A pattern that matches exactly one tensor" : "A pattern";
      break;
    case Role::Names::derived:
      text = "A template, filled in for every match";
      break;
    case Role::Names::literal:
      text = field.takes_list ? "Literal names" : "A literal name";
      break;
  }
  if (role.policy == Role::Policy::must_exist) text += "; the tensor must exist";
  if (role.policy == Role::Policy::must_not_exist) text += "; the tensor must not exist";
  if (role.new_alias) text += ", the alias may be new";
  text += role.slice ? ". May be sliced." : ". No slice.";
  return field.role_by_spec ? text + " Other keys change this." : text;
}

std::string payload_text(const Schema& schema) {
  if (schema.shorthand == nullptr) return schema.fields.empty() ? "none" : "mapping";
  if (schema.shorthand_only) return type_text(*schema.shorthand);
  return fmt::format("mapping, or the {} alone", type_text(*schema.shorthand));
}

std::string presence_text(const Schema& schema, const Field& field) {
  if (field.required) return "required";
  if (std::ranges::find(schema.needs_one_of, field.name) != schema.needs_one_of.end())
    return "one of these is required";
  return field.default_text.empty() ? "optional" : "default: " + field.default_text;
}

std::string example_as_oly(const Docs& docs) {
  Diagnostics diagnostics;
  const YamlPtr step = parse_yaml(std::make_shared<SourceText>(SourceText{"example", docs.example}), diagnostics);
  diagnostics.throw_if_errors();
  return print_oly(*step);
}

}  // namespace brainsurgery
