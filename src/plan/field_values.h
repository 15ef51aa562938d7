// What fields need to know of values in YAML, and fields whose values are more than one word: names that the user
// chooses, for tensors or for formulas, and patterns.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/schema.h"
#include "formula/formula.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// A name of the user's choice for a tensor or for a formula.
struct Binding {
  std::string name;
  SourceSpan place;  // of the name
  std::variant<TensorRef, Formula> value;
};

// `value` with its untyped texts read as the type wants them; nullptr where there is nothing to change.
[[nodiscard]] YamlPtr typed_value(const YamlNode& value, const FieldType& type);

// Reports names in ${...} that nobody explains: neither a key of the plan nor, in the list of a reference, the capture
// of a pattern. True: there were some.
bool report_unexplained_names(const YamlNode& value, const FieldType& type, Diagnostics& diagnostics);

// Of names of the user's choice to references, of that role, or to formulas.
[[nodiscard]] FieldTypePtr bindings_type(Role role);

// Names of the user's choice, each for a tensor, of that role, or for a formula.
template <typename Spec>
Field& add_bindings(SchemaBuilder<Spec>& schema, std::vector<Binding> Spec::*member, std::string name, Role role) {
  Field& field = schema.custom(std::move(name), bindings_type(role),
                               [member](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                                 if (auto bindings = decoder.bindings(value)) spec.*member = *std::move(bindings);
                               });
  field.references = [member](const void* spec) {
    std::vector<FieldReference> result;
    for (const Binding& binding : static_cast<const Spec*>(spec)->*member) {
      if (const auto* ref = std::get_if<TensorRef>(&binding.value)) result.push_back({ref, "." + binding.name});
    }
    return result;
  };
  return field;
}

// A list of regular expressions.
template <typename Spec>
Field& add_patterns(SchemaBuilder<Spec>& schema, std::vector<NamePattern> Spec::*member, std::string name) {
  Field& field = schema.custom(std::move(name), list_of(scalar(Scalar::pattern)),
                               [member](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                                 if (auto patterns = decoder.list(value, &FieldDecoder::pattern))
                                   spec.*member = *std::move(patterns);
                               });
  field.null_is_absent = true;
  return field;
}

}  // namespace brainsurgery
