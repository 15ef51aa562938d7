#include "brainsurgery/field_type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "brainsurgery/schema.h"
#include "plan/field_values.h"
#include "plan/interpolation.h"

namespace brainsurgery {
namespace {

template <typename Shape>
FieldTypePtr type_of(Shape shape) {
  return std::make_shared<const FieldType>(FieldType{std::move(shape)});
}

bool is_literal(const ScalarType& type) { return type.role && type.role->names == Role::Names::literal; }

std::string noun_of(const ScalarType& type) {
  switch (type.kind) {
    case Scalar::reference:
      return is_literal(type) ? "name" : "reference";
    case Scalar::boolean:
    case Scalar::flag:
      return "true or false";
    case Scalar::number:
      return "number";
    case Scalar::tolerance:
      return "number, not negative";
    case Scalar::integer:
      return "integer";
    case Scalar::dtype:
      return "dtype";
    case Scalar::choice:
      return type.choices.size() == 2 ? fmt::format("{} or {}", type.choices[0], type.choices[1])
                                      : fmt::format("one of {}", fmt::join(type.choices, ", "));
    case Scalar::path:
      return "path";
    case Scalar::input:
      return "checkpoint";
    case Scalar::alias:
      return "alias";
    case Scalar::size:
      return "size such as 5GB, or none";
    case Scalar::pattern:
      return "pattern";
    case Scalar::text:
    case Scalar::plan_text:
      return "string";
    case Scalar::formula:
      return "formula";
    case Scalar::any:
      return "any value";
    case Scalar::topic:
      return "name of a step, or {step: operator}";
  }
  return "";
}

std::string noun_of(const ListType& type) {
  const std::string each = noun(*type.each);
  constexpr std::string_view kMapping = "mapping";
  if (each.starts_with(kMapping)) return fmt::format("list of mappings{}", each.substr(kMapping.size()));
  return type.nested ? fmt::format("{0}, or nested lists of {0}s", each) : fmt::format("list of {}s", each);
}

std::string noun_of(const RecordType& type) {
  if (type.schema->own_keys) return type.schema->name;
  std::vector<std::string> keys;
  for (const auto& field : type.schema->fields) keys.push_back(field->name);
  return fmt::format("mapping with {}", fmt::join(keys, keys.size() == 2 ? " and " : ", "));
}

std::string noun_of(const MappingType& type) { return fmt::format("mapping of names to: {}", noun(*type.each)); }

std::string noun_of(const OneOfType& type) {
  std::vector<std::string> nouns;
  for (const FieldTypePtr& each : type.alternatives) nouns.push_back(noun(*each));
  return fmt::format("{}", fmt::join(nouns, ", or "));
}

std::string noun_of(const NamedType& type) { return type.of == NamedType::Of::steps ? "step" : "assertion"; }

}  // namespace

FieldTypePtr scalar(Scalar kind) { return type_of(ScalarType{kind}); }
FieldTypePtr choice_of(std::vector<std::string> choices) {
  return type_of(ScalarType{Scalar::choice, std::move(choices)});
}
FieldTypePtr reference_type(Role role) { return type_of(ScalarType{Scalar::reference, {}, role}); }
FieldTypePtr list_of(FieldTypePtr each, std::size_t least) { return type_of(ListType{std::move(each), least}); }
FieldTypePtr nested_lists_of(FieldTypePtr each) { return type_of(ListType{std::move(each), 0, true}); }
FieldTypePtr record_of(Schema schema) {
  return type_of(RecordType{std::make_shared<const Schema>(std::move(schema))});
}
FieldTypePtr mapping_of(FieldTypePtr each) { return type_of(MappingType{std::move(each)}); }
FieldTypePtr one_of_types(std::vector<FieldTypePtr> alternatives,
                          std::function<std::size_t(const YamlNode& value)> taken) {
  return type_of(OneOfType{std::move(alternatives), std::move(taken)});
}
FieldTypePtr one_step() { return type_of(NamedType{NamedType::Of::steps}); }
FieldTypePtr one_operator() { return type_of(NamedType{NamedType::Of::operators}); }

FieldTypePtr steps_type() {
  return one_of_types({one_step(), list_of(one_step())},
                      [](const YamlNode& value) -> std::size_t { return value.is_sequence() ? 1 : 0; });
}

FieldTypePtr bindings_type(Role role) {
  const auto formula = std::make_shared<const FieldType>(FieldType{ScalarType{Scalar::formula}, "behind '='"});
  return mapping_of(one_of_types({reference_type(role), formula}, [](const YamlNode& value) -> std::size_t {
    return value.text().starts_with('=') ? 1 : 0;
  }));
}

bool is_scalar(const FieldType& type, Scalar kind) {
  const auto* shape = std::get_if<ScalarType>(&type.shape);
  return shape != nullptr && shape->kind == kind;
}

bool is_list(const FieldType& type) { return std::holds_alternative<ListType>(type.shape); }

std::optional<Role> role_of(const FieldType& type) {
  if (const auto* shape = std::get_if<ScalarType>(&type.shape)) return shape->role;
  if (const auto* shape = std::get_if<ListType>(&type.shape)) return role_of(*shape->each);
  if (const auto* shape = std::get_if<MappingType>(&type.shape)) return role_of(*shape->each);
  if (const auto* shape = std::get_if<OneOfType>(&type.shape)) {
    for (const FieldTypePtr& each : shape->alternatives) {
      if (const std::optional<Role> role = role_of(*each)) return role;
    }
  }
  return std::nullopt;
}

std::string noun(const FieldType& type) {
  std::string text = !type.called.empty() ? type.called
                                          : std::visit([](const auto& shape) { return noun_of(shape); }, type.shape);
  return type.remark.empty() ? text : text + " " + type.remark;
}

std::string with_article(const std::string& noun) {
  if (noun.starts_with("true ") || noun.starts_with("one of ")) return noun;
  const bool vowel = std::string_view("aeio").find(noun.front()) != std::string_view::npos;
  return (vowel ? "an " : "a ") + noun;
}

namespace {

// How a text of an argument or of the environment is read: as it stands, or as YAML.
bool reads_yaml(const ScalarType& type, std::string_view text) {
  switch (type.kind) {
    case Scalar::reference:
      return text.starts_with('[');
    case Scalar::dtype:
    case Scalar::choice:
    case Scalar::path:
    case Scalar::input:
    case Scalar::alias:
    case Scalar::size:
    case Scalar::pattern:
    case Scalar::text:
    case Scalar::plan_text:
    case Scalar::topic:
    case Scalar::formula:
      return false;
    case Scalar::boolean:
    case Scalar::flag:
    case Scalar::number:
    case Scalar::tolerance:
    case Scalar::integer:
    case Scalar::any:
      return true;
  }
  return false;
}

bool reads_yaml(const ListType& type, std::string_view text) {
  return text.starts_with('[') || (type.nested && !text.empty());
}
bool reads_yaml(const RecordType&, std::string_view text) { return text.starts_with('{'); }
bool reads_yaml(const MappingType&, std::string_view text) { return text.starts_with('{'); }
bool reads_yaml(const NamedType&, std::string_view) { return true; }
bool reads_yaml(const OneOfType& type, std::string_view text) {
  return std::ranges::any_of(type.alternatives, [text](const FieldTypePtr& each) {
    return std::visit([text](const auto& shape) { return reads_yaml(shape, text); }, each->shape);
  });
}

// `value` with the parts that `read` changes.
template <typename Read>
YamlPtr with_items(const YamlNode& value, const Read& read) {
  std::optional<YamlItems> changed;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    YamlPtr item = read(*value.items()[i]);
    if (item == nullptr) continue;
    if (!changed) changed = value.items();
    (*changed)[i] = std::move(item);
  }
  return changed ? YamlNode::sequence(value.span(), *std::move(changed)) : nullptr;
}

template <typename TypeOf>
YamlPtr with_entries(const YamlNode& value, const TypeOf& type_of_key) {
  std::optional<YamlEntries> changed;
  for (std::size_t i = 0; i < value.entries().size(); ++i) {
    const auto& [key, given] = value.entries()[i];
    const FieldType* type = type_of_key(key->text());
    YamlPtr entry = type == nullptr ? nullptr : typed_value(*given, *type);
    if (entry == nullptr) continue;
    if (!changed) changed = value.entries();
    (*changed)[i].second = std::move(entry);
  }
  return changed ? YamlNode::mapping(value.span(), *std::move(changed)) : nullptr;
}

YamlPtr typed(const YamlNode&, const ScalarType&) { return nullptr; }  // the entries of a list are texts
YamlPtr typed(const YamlNode&, const NamedType&) { return nullptr; }   // whoever finds the schema reads them
YamlPtr typed(const YamlNode& value, const ListType& type) {
  const auto read = [&type](const YamlNode& item) {
    const bool inner = type.nested && item.is_sequence();
    return inner ? typed(item, type) : typed_value(item, *type.each);
  };
  return with_items(value, read);
}
YamlPtr typed(const YamlNode& value, const RecordType& type) {
  return with_entries(value, [&type](const std::string& key) -> const FieldType* {
    const Field* field = type.schema->find(key);
    return field == nullptr ? nullptr : field->type.get();
  });
}
YamlPtr typed(const YamlNode& value, const MappingType& type) {
  return with_entries(value, [&type](const std::string&) { return type.each.get(); });
}
YamlPtr typed(const YamlNode& value, const OneOfType& type) {
  return typed_value(value, *type.alternatives[type.taken(value)]);
}

}  // namespace

YamlPtr typed_value(const YamlNode& value, const FieldType& type) {
  if (value.is_untyped()) {
    const bool reads = std::visit([&](const auto& shape) { return reads_yaml(shape, value.text()); }, type.shape);
    return reads ? parse_untyped(value) : nullptr;
  }
  return std::visit([&](const auto& shape) { return typed(value, shape); }, type.shape);
}

namespace {

// What a type has to say of the names in a value: nothing, or of its parts.
class NameReporter {
 public:
  explicit NameReporter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void report(const YamlNode& value, const FieldType& type) {
    // An argument's list or mapping is read later; its texts are then as they stand there.
    if (value.is_untyped() && (value.text().starts_with('[') || value.text().starts_with('{'))) return;
    std::visit([&](const auto& shape) { parts(value, shape); }, type.shape);
  }

 private:
  void parts(const YamlNode& value, const ScalarType& type) {
    const bool is_name = type.kind == Scalar::reference && type.role && type.role->names != Role::Names::literal;
    const bool may_capture = type.kind == Scalar::plan_text || is_name ||
                             (type.kind == Scalar::reference && value.is_sequence());
    if (!may_capture) report_unexplained_names(value, diagnostics_);
  }
  void parts(const YamlNode& value, const ListType& type) {
    if (!value.is_sequence()) return report_unexplained_names(value, diagnostics_);
    for (const YamlPtr& item : value.items()) report(*item, *type.each);
  }
  void parts(const YamlNode& value, const RecordType& type) {
    if (!value.is_mapping()) return report_unexplained_names(value, diagnostics_);
    for (const auto& [key, entry] : value.entries()) {
      if (const Field* field = type.schema->find(key->text())) report(*entry, *field->type);
    }
  }
  void parts(const YamlNode& value, const MappingType& type) {
    if (!value.is_mapping()) return report_unexplained_names(value, diagnostics_);
    for (const auto& [key, entry] : value.entries()) report(*entry, *type.each);
  }
  void parts(const YamlNode& value, const OneOfType& type) { report(value, *type.alternatives[type.taken(value)]); }
  void parts(const YamlNode&, const NamedType&) {}  // its payload is decoded by itself

  Diagnostics& diagnostics_;
};

}  // namespace

bool report_unexplained_names(const YamlNode& value, const FieldType& type, Diagnostics& diagnostics) {
  const int errors = diagnostics.error_count();
  NameReporter(diagnostics).report(value, type);
  return diagnostics.error_count() > errors;
}

}  // namespace brainsurgery
