// config, metadata: what a model carries beside its tensors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json_text.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "documents/document.h"
#include "plan/field_values.h"

namespace brainsurgery {
namespace {

constexpr const char *kConfig = "config", *kMetadata = "metadata";

struct ConfigSpec {
  YamlPtr set, erase;
  std::optional<std::string> model, file;
  bool optional = false, create = false;
};

JsonValue json_of(const YamlNode& node) {
  JsonValue value;
  switch (node.kind()) {
    case YamlKind::null:
      return value;
    case YamlKind::boolean:
      return json_boolean(node.boolean());
    case YamlKind::integer:
      if (const auto integer = node.integer()) return json_integer(*integer);
      [[fallthrough]];
    case YamlKind::floating: {
      const double number = node.floating();
      if (std::isnan(number)) return json_number("NaN");
      if (std::isinf(number)) return json_number(number < 0 ? "-Infinity" : "Infinity");
      return json_number(python_float(number));
    }
    case YamlKind::string:
      return node.is_untyped() ? json_of(*parse_untyped(node)) : json_string(node.text());
    case YamlKind::sequence:
      value.kind = JsonValue::Kind::array;
      for (const YamlPtr& item : node.items()) value.items.push_back(json_of(*item));
      return value;
    case YamlKind::mapping:
      break;
  }
  value.kind = JsonValue::Kind::object;
  for (const auto& [key, entry] : node.entries()) {
    const JsonValue name = json_string(key->text());
    value.members.push_back({key->text(), name.text, json_of(*entry)});
  }
  return value;
}

JsonPath path_of(std::string_view field, const YamlNode& key) {
  if (key.text().find("${") != std::string::npos) {
    throw Error(ErrorCode::plan, fmt::format("{}.{}: '{}' is not evaluated: expressions stand in values, paths are written out",
                                             kConfig, field, key.text()), key.span());
  }
  std::optional<JsonPath> path = parse_json_path(key.text());
  if (!path) {
    throw Error(ErrorCode::plan, fmt::format("{}.{}: '{}' has an empty key", kConfig, field, key.text()), key.span());
  }
  return *std::move(path);
}

void edit_config(const ConfigSpec& spec, PlanScope& plan) {
  DocumentEdit edit;
  edit.alias = chosen_alias(kConfig, "model", spec.model, plan);
  edit.name = spec.file.value_or(std::string(kConfigName));
  edit.may_lack = spec.optional;
  edit.may_create = spec.create;
  if (spec.erase != nullptr) {
    for (const YamlPtr& item : spec.erase->items()) edit.erase.push_back({path_of("delete", *item), item->span()});
  }
  if (spec.set != nullptr) {
    for (const auto& [key, value] : spec.set->entries())
      edit.set.push_back({path_of("set", *key), json_of(*value), key->span()});
  }
  for (const DocumentChange& change : plan.edit_document(edit))
    plan.announce(fmt::format("{}: {}: {}", kConfig, edit.alias, to_string(change)));
}

std::optional<FieldProblem> problem_of_config(const ConfigSpec& spec) {
  if (spec.file && (spec.file->find('/') != std::string::npos || !spec.file->ends_with(".json")))
    return FieldProblem{"file", fmt::format("'{}' is not the name of a .json file", *spec.file)};
  if (spec.optional && spec.erase == nullptr) return FieldProblem{"optional", "is for 'delete'"};
  return std::nullopt;
}

// A field that keeps its value as it is written.
Field& add_node(SchemaBuilder<ConfigSpec>& schema, YamlPtr ConfigSpec::*member, std::string name, const FieldTypePtr& type,
                bool (*fits)(const YamlNode&), std::string wanted) {
  return schema.custom(std::move(name), type,
                       [=](const YamlNode& value, const FieldDecoder& decoder, ConfigSpec& spec) {
                         if (!fits(value)) return decoder.expected(value, wanted);
                         spec.*member = value.shared_from_this();
                       });
}

bool is_filled_mapping(const YamlNode& value) { return value.is_mapping() && !value.entries().empty(); }
bool is_filled_list(const YamlNode& value) {
  return value.is_sequence() && !value.items().empty() &&
         std::ranges::all_of(value.items(), [](const YamlPtr& item) { return item->is_string() && !item->text().empty(); });
}

struct MetadataSpec {
  std::vector<NamePattern> drop;
  std::vector<std::pair<std::string, std::string>> set;
  std::optional<std::string> model;
};

// Numbers, truth values and lists as GGUF's typed pairs have them; a key without a type is that of a string.
std::optional<std::string> pair_text(const YamlNode& key, const YamlNode& value) {
  if (value.is_string()) return value.text();
  const bool is_typed = key.text().find(':') != std::string::npos;
  if (!is_typed || value.is_null() || value.is_mapping()) return std::nullopt;
  if (!value.is_sequence()) return json_of(value).text;
  std::string list;
  for (const YamlPtr& item : value.items()) {
    std::string text;
    if (item->is_string()) append_json_string(text, item->text(), JsonEscapes::controls_only);
    list += fmt::format("{}{}", list.empty() ? "" : ", ", item->is_string() ? text : json_of(*item).text);
  }
  return fmt::format("[{}]", list);
}

void decode_pairs(const YamlNode& value, const FieldDecoder& decoder, MetadataSpec& spec) {
  static const FieldTypePtr any = scalar(Scalar::any);
  if (!value.is_mapping()) return decoder.expected(value, "a mapping");
  for (const auto& [key, item] : value.entries()) {
    std::optional<std::string> text = pair_text(*key, *item);
    if (text) {
      spec.set.emplace_back(key->text(), *std::move(text));
      continue;
    }
    decoder.at("." + key->text(), *any)
        .fail(*item, fmt::format("expected a string, found {}", item->describe()),
              {"put it in quotes; for GGUF a key names another type, as in 'llama.block_count:u32'"});
  }
}

void edit_metadata(const MetadataSpec& spec, PlanScope& plan) {
  const std::string alias = chosen_alias(kMetadata, "model", spec.model, plan);
  plan.edit_metadata(alias, {spec.drop, spec.set});
  plan.announce(fmt::format("{}: {}", kMetadata, alias));
}

}  // namespace

void add_config(StepRegistry& registry) {
  SchemaBuilder<ConfigSpec> config(
      kConfig,
      {"Edits config.json, or another JSON document of the model, which a directory then takes over as it is edited.",
       "Keys are paths: text_config.rope_scaling.factor. Objects that are missing on the way are made, an entry of a list "
       "is named by its number, and a point inside of a key has a backslash before it. Deleting comes first. The order of "
       "keys, and the spelling of values that are not edited, stay. What is set here is never adjusted to the tensors.",
       "config: {set: {rope_theta: 1000000.0, sliding_window: null}, create: true}"});
  config.called_elsewhere({"edit_config", "set_config"});
  add_node(config, &ConfigSpec::set, "set", mapping_of(scalar(Scalar::any)), is_filled_mapping,
           "a mapping of paths to values")
      .doc("Paths and their new values, which keep the type that they have in YAML.");
  add_node(config, &ConfigSpec::erase, "delete", list_of(scalar(Scalar::text), 1), is_filled_list,
           "a list of paths")
      .doc("Paths to delete before any is set.");
  config.flag(&ConfigSpec::optional, "optional").defaults_to("false").doc("Paths to delete may be missing.");
  config.flag(&ConfigSpec::create, "create").defaults_to("false").doc("The model may have no such document: it begins empty.");
  config.text(&ConfigSpec::model, "model", Scalar::alias)
      .defaults_to("the default alias, else the only one")
      .doc("The alias of the model.");
  config.text(&ConfigSpec::file, "file", Scalar::text)
      .defaults_to(std::string(kConfigName))
      .doc("The document, a file of the model's folder.");
  config.needs_one_of({"set", "delete"});
  config.check([](ConfigSpec& spec) { return problem_of_config(spec); });
  registry.add(make_control<ConfigSpec>(config, edit_config, {.has_impact = true}));

  SchemaBuilder<MetadataSpec> metadata(
      kMetadata,
      {"Changes the metadata pairs that files of the model will carry.",
       "Dropping comes first. The pairs are those of safetensors and GGUF; metadata of output works on what this step leaves.",
       "metadata: {set: {author: me}, drop: ['modelspec[.].*']}"});
  const FieldTypePtr pair = one_of_types({scalar(Scalar::text), list_of(scalar(Scalar::any))},
                                         [](const YamlNode& value) -> std::size_t { return value.is_sequence() ? 1 : 0; });
  metadata.custom("set", mapping_of(pair), decode_pairs)
      .doc("Keys and their new strings; of keys with a type of GGUF, such as llama.block_count:u32, numbers, booleans and lists.");
  add_patterns(metadata, &MetadataSpec::drop, "drop").doc("Keys, or patterns of keys, to leave out before any is set.");
  metadata.text(&MetadataSpec::model, "model", Scalar::alias)
      .defaults_to("the default alias, else the only one")
      .doc("The alias of the model.");
  metadata.needs_one_of({"set", "drop"});
  registry.add(make_control<MetadataSpec>(metadata, edit_metadata, {.has_impact = true}));
}

}  // namespace brainsurgery
