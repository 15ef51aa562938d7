#include "describe/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "describe/field_words.h"
#include "plan/modifiers.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

// A place of the plan that an argument can set.
struct PlanPlace {
  std::string path;                 // "transforms[0].cast.dtype"
  const FieldType* type = nullptr;  // nullptr: any text
};

// The places of a plan: keys that it has and those that its schemas have, as deep as both go.
class Places {
 public:
  explicit Places(const Catalog& catalog) : catalog_(catalog) {}

  std::vector<PlanPlace> of(const YamlNode& root) {
    add_payload("output", *catalog_.section("output"), root.find("output"));
    add_inner(*catalog_.plan.find("inputs")->type, "inputs", root.find("inputs"));
    add_inner(*catalog_.plan.find("transforms")->type, "transforms", root.find("transforms"));
    for (const auto& [key, value] : root.entries()) {
      const bool is_known = catalog_.plan.find(key->text()) != nullptr;
      if (!is_known && !value->is_mapping() && !value->is_sequence()) places_.push_back({key->text()});
    }
    return std::move(places_);
  }

 private:
  // `value`: nullptr where the plan has none.
  void add(const FieldType& type, const std::string& path, const YamlNode* value) {
    places_.push_back({path, &type});
    add_inner(type, path, value);
  }

  void add_inner(const FieldType& type, const std::string& path, const YamlNode* value) {
    std::visit([&](const auto& shape) { add_parts(shape, path, value); }, type.shape);
  }

  void add_payload(const std::string& path, const Schema& schema, const YamlNode* value) {
    const bool is_mapping = value != nullptr && value->is_mapping();
    if (schema.shorthand_only) {
      const FieldType& type = *schema.shorthand->type;
      if (value == nullptr) {
        places_.push_back({path, &type});
      } else {
        add_item(type, path, *value);
      }
      return;
    }
    if (schema.shorthand != nullptr && !is_mapping) places_.push_back({path, schema.shorthand->type.get()});
    add_fields(path, schema, value);
  }

  void add_fields(const std::string& path, const Schema& schema, const YamlNode* value) {
    for (const auto& field : schema.fields)
      add(*field->type, path + "." + field->name, value == nullptr ? nullptr : value->find(field->name));
  }

  void add_parts(const ScalarType&, const std::string&, const YamlNode*) {}
  void add_parts(const ListType& type, const std::string& path, const YamlNode* value) {
    if (value == nullptr || type.nested) return;
    for (std::size_t i = 0; i < value->items().size(); ++i)
      add_item(*type.each, fmt::format("{}[{}]", path, i), *value->items()[i]);
  }
  void add_parts(const RecordType& type, const std::string& path, const YamlNode* value) {
    add_fields(path, *type.schema, value);
  }
  void add_parts(const MappingType& type, const std::string& path, const YamlNode* value) {
    if (value == nullptr) return;
    for (const auto& [key, entry] : value->entries()) add(*type.each, path + "." + key->text(), entry.get());
  }
  void add_parts(const OneOfType& type, const std::string& path, const YamlNode* value) {
    if (value != nullptr) add_inner(*type.alternatives[type.taken(*value)], path, value);
  }
  // The step or operator that the plan has there.
  void add_parts(const NamedType& type, const std::string& path, const YamlNode* value) {
    if (value == nullptr) return;
    for (const auto& [name, payload] : value->entries()) {
      const Schema* schema = type.of == NamedType::Of::steps ? catalog_.step(name->text())
                                                             : catalog_.operator_named(name->text());
      if (schema == nullptr) continue;
      add_payload(path + "." + schema->name, *schema, payload.get());
      if (type.of == NamedType::Of::steps && !schema->shorthand_only)
        add_modifiers(path + "." + schema->name, *schema, payload.get());
    }
  }
  void add_modifiers(const std::string& path, const Schema& step, const YamlNode* payload) {
    for (const auto& field : modifiers_schema().fields) {
      if (step.find(field->name) == nullptr && takes_modifier(step, field->name))
        add(*field->type, path + "." + field->name, payload == nullptr ? nullptr : payload->find(field->name));
    }
  }
  // An entry that holds others is no place of its own.
  void add_item(const FieldType& type, const std::string& path, const YamlNode& value) {
    if (value.is_mapping() || value.is_sequence() || std::holds_alternative<NamedType>(type.shape)) {
      add_inner(type, path, &value);
    } else {
      add(type, path, &value);
    }
  }

  const Catalog& catalog_;
  std::vector<PlanPlace> places_;
};

}  // namespace

std::vector<std::string> complete_names(const std::vector<std::string>& names, std::string_view word) {
  std::vector<std::string> found;
  std::ranges::copy_if(names, std::back_inserter(found),
                       [&](const std::string& name) { return name.starts_with(word); });
  std::ranges::sort(found);
  if (found.size() <= kGroupsAbove) return found;
  std::vector<std::string> groups;
  for (std::size_t begin = 0; begin < found.size();) {
    const std::size_t dot = found[begin].find('.', word.size());
    const std::string group = dot == std::string::npos ? found[begin] : found[begin].substr(0, dot + 1);
    std::size_t end = begin + 1;
    while (end < found.size() && dot != std::string::npos && found[end].starts_with(group)) ++end;
    groups.push_back(end == begin + 1 ? found[begin] : group);
    begin = end;
  }
  // One group alone offers nothing to choose from.
  return groups.size() == 1 ? complete_names(found, groups.front()) : groups;
}

std::vector<std::string> complete_topic(const Catalog& catalog, const std::optional<std::string>& step,
                                        std::string_view word) {
  if (!step) {
    std::vector<std::string> topics = names_of(catalog.steps);
    std::ranges::move(names_of(catalog.sections), std::back_inserter(topics));
    topics.push_back(modifiers_schema().name);
    return complete_names(topics, word);
  }
  const Schema* found = catalog.step(*step);
  if (found == nullptr || !takes_operator(*found)) return {};
  return complete_names(names_of(catalog.operators), word);
}

std::vector<std::string> complete_assignment(const Catalog& catalog, const YamlNode& root,
                                             const ReferenceNames& references, std::string_view word) {
  const std::vector<PlanPlace> places = Places(catalog).of(root);
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) {
    std::vector<std::string> paths;
    for (const PlanPlace& place : places) paths.push_back(place.path + "=");
    return complete_names(paths, word);
  }
  const auto place = std::ranges::find(places, word.substr(0, equals), &PlanPlace::path);
  if (place == places.end() || place->type == nullptr) return {};
  const NameSources sources{.references = [&](std::string_view) { return references(); }};
  std::vector<std::string> candidates =
      complete_names(words_for(*place->type, catalog, sources, {}), word.substr(equals + 1));
  for (std::string& candidate : candidates) candidate.insert(0, word.substr(0, equals + 1));
  return candidates;
}

}  // namespace brainsurgery
