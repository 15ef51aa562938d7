#include "describe/field_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "plan/oly.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

std::string type_text(const Field& field) { return noun(*field.type); }

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
    case Role::Names::derived_or_literal:
    case Role::Names::literal:
      text = is_list(*field.type) ? "Literal names" : "A literal name";
      break;
  }
  if (role.policy == Role::Policy::must_exist) text += "; the tensor must exist";
  if (role.policy == Role::Policy::must_not_exist) text += "; the tensor must not exist";
  if (role.policy == Role::Policy::vacated) text += "; the tensor must not exist, unless the step gives it another name";
  if (role.new_alias || role.begins_model) text += ", the alias may be new";
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
