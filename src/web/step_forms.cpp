#include "web/step_forms.h"

#include "describe/field_text.h"

namespace brainsurgery::web {
namespace {

// How a form asks for a value: what kind of input, and what it offers.
struct Input {
  std::string_view kind;  // reference, boolean, number, integer, choice, alias, path, text, yaml
  std::vector<std::string> choices = {};
  bool many = false;
};

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DTypeInfo& row : all_dtypes()) {
    if (row.computes) names.emplace_back(row.torch_name);
  }
  return names;
}

Input input_of(const FieldType& type);

struct ToInput {
  Input operator()(const ScalarType& type) const {
    switch (type.kind) {
      case Scalar::reference:
        return {"reference"};
      case Scalar::boolean:
      case Scalar::flag:
        return {"boolean"};
      case Scalar::number:
      case Scalar::tolerance:
        return {"number"};
      case Scalar::integer:
        return {"integer"};
      case Scalar::dtype:
        return {"choice", dtype_names()};
      case Scalar::choice:
        return {"choice", type.choices};
      case Scalar::alias:
        return {"alias"};
      case Scalar::path:
      case Scalar::input:
        return {"path"};
      case Scalar::size:
      case Scalar::pattern:
      case Scalar::text:
      case Scalar::plan_text:
      case Scalar::formula:
        return {"text"};
      case Scalar::any:
      case Scalar::topic:
        break;
    }
    return {"yaml"};
  }
  Input operator()(const ListType& type) const {
    Input each = input_of(*type.each);
    if (type.nested || each.many || each.kind == "yaml") return {"yaml"};
    each.many = true;
    return each;
  }
  Input operator()(const OneOfType& type) const {
    Input first = input_of(*type.alternatives.front());
    first.many = false;
    return first.kind == "reference" ? first : Input{"yaml"};
  }
  Input operator()(const auto&) const { return {"yaml"}; }
};

Input input_of(const FieldType& type) { return std::visit(ToInput{}, type.shape); }

Json form_of(const Field& field) {
  const Input input = input_of(*field.type);
  Json form{{"name", field.name},      {"docs", field.docs},           {"required", field.required},
            {"type", type_text(field)}, {"kind", input.kind}, {"many", input.many}};
  if (!field.default_text.empty()) form["default"] = field.default_text;
  if (!input.choices.empty()) form["choices"] = input.choices;
  if (field.role) {
    form["names"] = names_text(field);
    form["reads"] = field.role->reads || field.role->policy == Role::Policy::must_exist;
    form["writes"] = field.role->writes;
    form["template"] = field.role->names != Role::Names::pattern;
  }
  return form;
}

Json form_of(const Schema& schema) {
  Json fields = Json::array();
  for (const auto& field : schema.fields) fields.push_back(form_of(*field));
  Json form{{"name", schema.name},
            {"summary", schema.docs.summary},
            {"details", schema.docs.details},
            {"example", schema.docs.example},
            {"called_elsewhere", schema.elsewhere},
            {"takes_operator", takes_operator(schema)},
            {"needs_one_of", schema.needs_one_of},
            {"shorthand_only", schema.shorthand_only},
            {"may_be_empty", schema.may_be_empty()},
            {"fields", std::move(fields)}};
  if (schema.shorthand != nullptr) form["shorthand"] = schema.shorthand->name;
  return form;
}

Json forms_of(const std::vector<Schema>& schemas) {
  Json forms = Json::array();
  for (const Schema& schema : schemas) forms.push_back(form_of(schema));
  return forms;
}

}  // namespace

Json step_forms(const Catalog& catalog) {
  return {{"steps", forms_of(catalog.steps)}, {"operators", forms_of(catalog.operators)}};
}

}  // namespace brainsurgery::web
