// Fields that steps on models and adapters share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/schema.h"
#include "plan/yaml_tree.h"
#include "steps/plan_scope.h"

namespace brainsurgery::merging {

// Steps that make the model and the adapter of the examples, of the model of plans/make_tiny_gpt2.yaml.
extern const char* const kAdapterSetup;

// The alias that a step works on: the one that it names by `key`, else the default alias, else the only one that is not
// among `others`. Throws Error(plan).
[[nodiscard]] std::string chosen_model(std::string_view step, std::string_view key, const std::optional<std::string>& named,
                                       const std::vector<std::string>& others, const PlanScope& plan);

template <typename Spec>
Field& add_model_field(SchemaBuilder<Spec>& schema, std::optional<std::string> Spec::*member, std::string name) {
  return schema.text(member, std::move(name), Scalar::alias).defaults_to("the default alias, else the only other model");
}

// A field whose value goes where no member of the spec is.
template <typename Value, typename Spec, typename Set>
Field& add_field(SchemaBuilder<Spec>& schema, std::string name, FieldTypePtr type,
                 std::optional<Value> (FieldDecoder::*decode)(const YamlNode&) const, Set set) {
  return schema.custom(std::move(name), std::move(type),
                       [decode, set](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                         if (auto decoded = (decoder.*decode)(value)) set(spec, *std::move(decoded));
                       });
}

// A list of mappings with at least one entry.
template <typename Spec, typename Record>
Field& add_record_list(SchemaBuilder<Spec>& schema, std::vector<Record> Spec::*member, std::string name,
                       const SchemaBuilder<Record>& of) {
  const auto decode = [member, one = of.decoder()](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
    static_cast<void>(decoder.each(value, [&](const FieldDecoder& item, const YamlNode& node) {
      const auto decoded = one(node, item.context(), item.path());
      if (decoded) (spec.*member).push_back(*decoded);
      return decoded != nullptr;
    }));
  };
  return schema.custom(std::move(name), list_of(record_of(of.schema()), 1), decode).require();
}

}  // namespace brainsurgery::merging
