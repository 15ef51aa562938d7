#include "describe/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

// A place of the plan that an argument can set.
struct Place {
  std::string path;              // "transforms[0].cast.dtype"
  const Field* field = nullptr;  // nullptr: any text
};

void add_step(const Catalog& catalog, const std::string& path, const YamlNode& step, std::vector<Place>& places) {
  if (!step.is_mapping()) return;
  for (const auto& [command, payload] : step.entries()) {
    const Schema* schema = catalog.step(command->text());
    if (schema == nullptr) continue;
    const std::string prefix = path + "." + schema->name;
    if (schema->shorthand != nullptr && !payload->is_mapping()) places.push_back({prefix, schema->shorthand});
    if (schema->shorthand_only) continue;
    for (const auto& field : schema->fields) {
      const std::string place = prefix + "." + field->name;
      places.push_back({place, field.get()});
      const YamlNode* value = field->kind == FieldKind::mapping ? payload->find(field->name) : nullptr;
      if (value == nullptr) continue;
      for (const auto& entry : value->entries())
        places.push_back({place + "." + entry.first->text(), field->parts.front().get()});
    }
  }
}

std::vector<Place> places_of(const Catalog& catalog, const YamlNode& root) {
  std::vector<Place> places{{"output", catalog.output.shorthand}};
  for (const auto& field : catalog.output.fields) places.push_back({"output." + field->name, field.get()});
  if (const YamlNode* inputs = root.find("inputs")) {
    for (std::size_t i = 0; i < inputs->items().size(); ++i) places.push_back({fmt::format("inputs[{}]", i)});
  }
  if (const YamlNode* steps = root.find("transforms")) {
    for (std::size_t i = 0; i < steps->items().size(); ++i)
      add_step(catalog, fmt::format("transforms[{}]", i), *steps->items()[i], places);
    add_step(catalog, "transforms", *steps, places);  // a single step needs no list
  }
  for (const auto& [key, value] : root.entries()) {
    const bool is_known = key->text() == "inputs" || key->text() == "transforms" || key->text() == "output";
    if (!is_known && !value->is_mapping() && !value->is_sequence()) places.push_back({key->text()});
  }
  return places;
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes) continue;
    names.emplace_back(row.torch_name);
    names.insert(names.end(), row.aliases.begin(), row.aliases.end());
  }
  return names;
}

std::vector<std::string> names_of(const std::vector<Schema>& schemas) {
  std::vector<std::string> names;
  for (const Schema& schema : schemas) names.push_back(schema.name);
  return names;
}

std::vector<std::string> words_for(const Field& field, const Catalog& catalog, const ReferenceNames& references) {
  switch (field.kind) {
    case FieldKind::choice:
      return field.choices;
    case FieldKind::dtype:
      return dtype_names();
    case FieldKind::boolean:
    case FieldKind::flag:
      return {"true", "false"};
    case FieldKind::reference:
      return references();
    case FieldKind::topic:
      return names_of(catalog.steps);
    case FieldKind::one_of: {
      std::vector<std::string> words;
      for (const auto& part : field.parts)
        std::ranges::move(words_for(*part, catalog, references), std::back_inserter(words));
      return words;
    }
    default:
      return {};
  }
}

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
  if (!step) return complete_names(names_of(catalog.steps), word);
  const Schema* found = catalog.step(*step);
  if (found == nullptr || !takes_operator(*found)) return {};
  return complete_names(names_of(catalog.operators), word);
}

std::vector<std::string> complete_assignment(const Catalog& catalog, const YamlNode& root,
                                             const ReferenceNames& references, std::string_view word) {
  const std::vector<Place> places = places_of(catalog, root);
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) {
    std::vector<std::string> paths;
    for (const Place& place : places) paths.push_back(place.path + "=");
    return complete_names(paths, word);
  }
  const auto place = std::ranges::find(places, word.substr(0, equals), &Place::path);
  if (place == places.end() || place->field == nullptr) return {};
  std::vector<std::string> candidates =
      complete_names(words_for(*place->field, catalog, references), word.substr(equals + 1));
  for (std::string& candidate : candidates) candidate.insert(0, word.substr(0, equals + 1));
  return candidates;
}

}  // namespace brainsurgery
