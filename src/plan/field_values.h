// Fields whose values are more than one word: names that the user chooses, for tensors or for formulas.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/schema.h"
#include "formula/formula.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// A name of the user's choice for a tensor or for a formula.
struct Binding {
  std::string name;
  SourceSpan place;  // of the name
  std::variant<TensorRef, Formula> value;
};

// `value` with its untyped texts read as the field wants them; nullptr where there is nothing to change.
[[nodiscard]] YamlPtr typed_value(const YamlNode& value, const Field& field);

// What the values of FieldDecoder::bindings() are.
[[nodiscard]] std::shared_ptr<const Field> binding_values(Role role);

// Names of the user's choice, each for a tensor, of that role, or for a formula.
template <typename Spec>
Field& add_bindings(SchemaBuilder<Spec>& schema, std::vector<Binding> Spec::*member, std::string name, Role role) {
  Field& field = schema.custom(std::move(name), FieldKind::mapping,
                               [member](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                                 if (auto bindings = decoder.bindings(value)) spec.*member = *std::move(bindings);
                               });
  field.role = role;
  field.parts = {binding_values(role)};
  field.references = [member](const void* spec) {
    std::vector<FieldReference> result;
    for (const Binding& binding : static_cast<const Spec*>(spec)->*member) {
      if (const auto* ref = std::get_if<TensorRef>(&binding.value)) result.push_back({ref, "." + binding.name});
    }
    return result;
  };
  return field;
}

}  // namespace brainsurgery
