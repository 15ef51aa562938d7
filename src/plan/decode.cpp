// From YAML values to the fields of a spec.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/numbers.h"
#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/schema.h"
#include "plan/field_values.h"
#include "plan/hints.h"
#include "plan/path_text.h"

namespace brainsurgery {

void FieldDecoder::fail(const YamlNode& at, std::string_view message, std::vector<std::string> notes) const {
  context_.diagnostics.error(at.span(), fmt::format("{}: {}", path_, message), std::move(notes));
}

void FieldDecoder::expected(const YamlNode& at, std::string_view what) const {
  fail(at, fmt::format("expected {}, found {}", what, at.describe()));
}

std::optional<bool> FieldDecoder::boolean(const YamlNode& value) const {
  if (value.is(YamlKind::boolean)) return value.boolean();
  expected(value, "true or false");
  return std::nullopt;
}

std::optional<double> FieldDecoder::number(const YamlNode& value) const {
  if (value.is_number()) return value.floating();
  if (value.is(YamlKind::boolean)) return value.boolean() ? 1.0 : 0.0;
  if (value.is_string()) {
    if (const std::optional<double> parsed = parse_python_float(value.text())) return parsed;
  }
  expected(value, "a number");
  return std::nullopt;
}

std::optional<ExactNumber> FieldDecoder::exact_number(const YamlNode& value) const {
  const std::optional<double> found = number(value);
  if (!found) return std::nullopt;
  return ExactNumber{*found, value.is(YamlKind::integer) ? value.integer() : std::nullopt};
}

std::optional<std::int64_t> FieldDecoder::integer(const YamlNode& value) const {
  if (value.is(YamlKind::integer) && value.integer()) return value.integer();
  expected(value, value.is(YamlKind::integer) ? "an integer of at most 64 bits" : "an integer");
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> FieldDecoder::integers(const YamlNode& value) const {
  if (!value.is_sequence()) {
    expected(value, "a list of integers");
    return std::nullopt;
  }
  std::vector<std::int64_t> result;
  for (const YamlPtr& item : value.items()) {
    const std::optional<std::int64_t> element = integer(*item);
    if (!element) return std::nullopt;
    result.push_back(*element);
  }
  return result;
}

std::optional<DType> FieldDecoder::dtype(const YamlNode& value) const {
  if (!value.is_string()) {
    expected(value, "the name of a dtype");
    return std::nullopt;
  }
  if (const std::optional<DType> found = dtype_from_plan(value.text())) return found;
  std::vector<std::string> known;
  for (const DTypeInfo& row : all_dtypes()) {
    if (row.computes) known.push_back(to_string(row.dtype));
  }
  const std::vector<std::string> alike = dtypes_like(value.text());
  std::vector<std::string> notes = did_you_mean(ascii_lower(trim(value.text())), known);
  if (alike.size() == 1) notes = {fmt::format("did you mean '{}'?", alike.front())};
  if (alike.size() > 1) notes = {fmt::format("did you mean one of {}?", fmt::join(alike, ", "))};
  notes.push_back(fmt::format("dtypes: {}", fmt::join(known, ", ")));
  fail(value, fmt::format("unknown dtype '{}'", value.text()), std::move(notes));
  return std::nullopt;
}

std::optional<std::size_t> FieldDecoder::choice(const YamlNode& value) const {
  if (value.is_string()) {
    const auto found = std::ranges::find(field_.choices, ascii_lower(trim(value.text())));
    if (found != field_.choices.end()) return found - field_.choices.begin();
  }
  fail(value, fmt::format("expected one of {}, found {}", fmt::join(field_.choices, ", "), value.describe()),
       did_you_mean(value.text(), field_.choices));
  return std::nullopt;
}

namespace {

// Appends the numbers of `value`, checking that all lists of one level have one length. False after a mistake.
bool collect_numbers(const FieldDecoder& decoder, const YamlNode& value, std::size_t level, NumberArray& into) {
  if (!value.is_sequence()) {
    if (level != into.shape.size()) {
      decoder.fail(
          value,
          "ragged: lists at the same level must have the same length and hold either only numbers or only lists");
      return false;
    }
    const std::optional<double> number = value.is_string() ? std::nullopt : decoder.number(value);
    if (value.is_string()) decoder.expected(value, "a number");
    if (!number) return false;
    into.values.push_back(*number);
    into.integers.push_back(value.is(YamlKind::integer) ? value.integer() : std::nullopt);
    return true;
  }
  if (level == into.shape.size() && into.values.empty()) into.shape.push_back(std::ssize(value.items()));
  if (level >= into.shape.size() || into.shape[level] != std::ssize(value.items())) {
    decoder.fail(
        value, "ragged: lists at the same level must have the same length and hold either only numbers or only lists");
    return false;
  }
  return std::ranges::all_of(value.items(),
                             [&](const YamlPtr& item) { return collect_numbers(decoder, *item, level + 1, into); });
}

}  // namespace

std::optional<NumberArray> FieldDecoder::numbers(const YamlNode& value) const {
  NumberArray array;
  // Every level's size is taken from the first list of that level, before its numbers are looked at.
  if (!collect_numbers(*this, value, 0, array)) return std::nullopt;
  return array;
}

std::optional<std::string> FieldDecoder::text(const YamlNode& value) const {
  if (!value.is_string() || value.text().empty()) {
    expected(value, "a string");
    return std::nullopt;
  }
  if (field_.kind == FieldKind::path && is_cut_path(value.text())) {
    fail(value, kCutPath);
    return std::nullopt;
  }
  return value.text();
}

std::optional<bool> FieldDecoder::flag(const YamlNode& value) const {
  if (value.is(YamlKind::boolean)) return value.boolean();
  if (value.is_string()) {
    const std::string word = ascii_lower(trim(value.text()));
    if (word == "true" || word == "t") return true;
    if (word == "false" || word == "f") return false;
  }
  expected(value, "true or false");
  return std::nullopt;
}

std::optional<double> FieldDecoder::tolerance(const YamlNode& value) const {
  if (value.is_number() && value.floating() >= 0) return value.floating();
  expected(value, "a number that is not negative");
  return std::nullopt;
}

std::optional<TensorRef> FieldDecoder::reference(const YamlNode& value) const {
  try {
    const bool has_default_alias = context_.default_alias || (field_.role && field_.role->alias_of_first);
    const bool may_be_new = field_.role && field_.role->new_alias;
    TensorRef ref = parse_tensor_ref(value, path_, has_default_alias);
    if (ref.alias && !may_be_new && !context_.known_aliases.contains(*ref.alias)) {
      const std::vector<std::string> known(context_.known_aliases.begin(), context_.known_aliases.end());
      std::vector<std::string> notes = did_you_mean(*ref.alias, known);
      notes.push_back(known.empty() ? "the plan has no inputs" : fmt::format("aliases: {}", fmt::join(known, ", ")));
      fail(value, fmt::format("unknown model alias '{}' in '{}'", *ref.alias, ref.text), std::move(notes));
      return std::nullopt;
    }
    const bool sliceable = field_.role && field_.role->slice;
    if (ref.slice && !sliceable) {
      fail(value, fmt::format("must not be sliced, found '{}'", ref.text));
      return std::nullopt;
    }
    if (field_.role && field_.role->names == Role::Names::literal && ref.structured) {
      expected(value, "a literal name");
      return std::nullopt;
    }
    return ref;
  } catch (const Error& error) {
    context_.diagnostics.add(error);
    return std::nullopt;
  }
}

std::optional<std::vector<TensorRef>> FieldDecoder::references(const YamlNode& value) const {
  if (!value.is_sequence() || value.items().empty()) {
    expected(value, "a list of references");
    return std::nullopt;
  }
  std::vector<TensorRef> result;
  bool good = true;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    const FieldDecoder item(context_, field_, fmt::format("{}[{}]", path_, i));
    if (std::optional<TensorRef> ref = item.reference(*value.items()[i])) {
      result.push_back(*std::move(ref));
    } else {
      good = false;
    }
  }
  return good ? std::optional(std::move(result)) : std::nullopt;
}

std::optional<Formula> FieldDecoder::formula(const YamlNode& value) const {
  if (value.is_null() || value.is_sequence() || value.is_mapping()) {
    expected(value, "a formula");
    return std::nullopt;
  }
  FormulaText text{value.text(), path_, value.span(), value.text().starts_with('=') ? 1U : 0U};
  try {
    return parse_formula(std::move(text));
  } catch (const Error& error) {
    context_.diagnostics.add(error);
    return std::nullopt;
  }
}

std::optional<std::vector<Binding>> FieldDecoder::bindings(const YamlNode& value) const {
  if (!value.is_mapping()) {
    expected(value, "a mapping from names to references or formulas");
    return std::nullopt;
  }
  const Field& either = *field_.parts.front();
  std::vector<Binding> result;
  bool good = true;
  for (const auto& [key, named] : value.entries()) {
    const Field& part = *either.parts[either.part_taken(*named)];
    const FieldDecoder item(context_, part, path_ + "." + key->text());
    if (!is_formula_name(key->text())) {
      item.fail(*key, "a formula cannot use this name",
                {"a name has letters, digits and '_', and is no word such as 'and', 'if' or 'inf'"});
      good = false;
    } else if (part.kind == FieldKind::formula) {
      std::optional<Formula> formula = item.formula(*named);
      if (formula) result.push_back({key->text(), key->span(), *std::move(formula)});
      good = good && formula;
    } else {
      std::optional<TensorRef> ref = item.reference(*named);
      if (ref) result.push_back({key->text(), key->span(), *std::move(ref)});
      good = good && ref;
    }
  }
  return good ? std::optional(std::move(result)) : std::nullopt;
}

namespace {

// How a text of an argument or of the environment is read: as it stands, or as YAML.
bool reads_yaml(FieldKind kind, std::string_view text) {
  switch (kind) {
    case FieldKind::reference:
    case FieldKind::references:
    case FieldKind::one_of:
      return text.starts_with('[');
    case FieldKind::mapping:
      return text.starts_with('{');
    case FieldKind::dtype:
    case FieldKind::choice:
    case FieldKind::path:
    case FieldKind::alias:
    case FieldKind::size:
    case FieldKind::text:
    case FieldKind::topic:
    case FieldKind::formula:
      return false;
    case FieldKind::boolean:
    case FieldKind::number:
    case FieldKind::tolerance:
    case FieldKind::integer:
    case FieldKind::integers:
    case FieldKind::numbers:
    case FieldKind::predicate:
    case FieldKind::predicates:
    case FieldKind::flag:
    case FieldKind::steps:
    case FieldKind::plan:
    case FieldKind::metadata:
    case FieldKind::any_value:
      return true;
  }
  return false;
}

YamlPtr typed_mapping(const YamlNode& value, const Field& each) {
  std::optional<YamlEntries> changed;
  for (std::size_t i = 0; i < value.entries().size(); ++i) {
    YamlPtr entry = typed_value(*value.entries()[i].second, each);
    if (entry == nullptr) continue;
    if (!changed) changed = value.entries();
    (*changed)[i].second = std::move(entry);
  }
  return changed ? YamlNode::mapping(value.span(), *std::move(changed)) : nullptr;
}

YamlPtr typed_value(const YamlNode& value, FieldKind kind) {
  if (value.is_untyped()) return reads_yaml(kind, value.text()) ? parse_untyped(value) : nullptr;
  if (kind == FieldKind::reference) return nullptr;  // the entries of a list are texts
  const FieldKind entry_kind = kind == FieldKind::references ? FieldKind::reference : kind;
  std::optional<YamlItems> changed;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    YamlPtr entry = typed_value(*value.items()[i], entry_kind);
    if (entry == nullptr) continue;
    if (!changed) changed = value.items();
    (*changed)[i] = std::move(entry);
  }
  return changed ? YamlNode::sequence(value.span(), *std::move(changed)) : nullptr;
}

}  // namespace

YamlPtr typed_value(const YamlNode& value, const Field& field) {
  if (field.kind != FieldKind::mapping || value.is_untyped()) return typed_value(value, field.kind);
  return typed_mapping(value, *field.parts.front());
}

namespace {

// "min or max", "one of is, ge, gt"
std::string one_of(const std::vector<std::string>& names) {
  return names.size() == 2 ? fmt::format("{} or {}", names[0], names[1])
                           : fmt::format("one of {}", fmt::join(names, ", "));
}

std::vector<std::string> keys_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const auto& field : schema.fields) names.push_back(field->name);
  return names;
}

std::string describe_keys(const Schema& schema, const std::string& path) {
  return schema.fields.empty() ? fmt::format("{} takes no keys", path)
                               : fmt::format("keys of {}: {}", path, fmt::join(keys_of(schema), ", "));
}

// The key that was probably meant, if any.
std::optional<std::string> report_unknown_key(const Schema& schema, const YamlNode& key, const DecodeContext& context,
                                              const std::string& path) {
  std::optional<std::string> meant = field_called(schema, key.text());
  if (!meant) meant = nearest(key.text(), keys_of(schema));
  std::vector<std::string> notes;
  if (meant) notes.push_back(fmt::format("did you mean '{}'?", *meant));
  notes.push_back(describe_keys(schema, path));
  context.diagnostics.error(key.span(), fmt::format("unknown key '{}' of {}", key.text(), path), std::move(notes));
  return meant;
}

// Whether the payload has keys of the schema only, and all that it requires.
bool has_keys_of(const Schema& schema, const YamlNode& payload) {
  const auto known = [&](const auto& entry) { return schema.find(entry.first->text()) != nullptr; };
  const auto there = [&](const auto& field) { return !field->required || payload.find(field->name) != nullptr; };
  return std::ranges::all_of(payload.entries(), known) && std::ranges::all_of(schema.fields, there);
}

// `cast: {from: w, to: bfloat16}`: a dtype under the key of a name.
std::vector<std::string> misplaced_dtype(const Field& missing, const YamlNode& payload) {
  if (missing.kind != FieldKind::dtype) return {};
  for (const auto& [key, value] : payload.entries()) {
    if (value->is_string() && dtype_from_plan(value->text())) {
      return {fmt::format("'{}: {}' names a tensor; the dtype is written '{}: {}'", key->text(), value->text(),
                          missing.name, value->text())};
    }
  }
  return {};
}

// `delete: 'w'`: the value of the only key that has to be there.
std::vector<std::string> mapping_meant(const Schema& schema, const YamlNode& payload) {
  const auto required = [](const auto& field) { return field->required; };
  if (!payload.is_string() || std::ranges::count_if(schema.fields, required) != 1) return {};
  const Field& field = **std::ranges::find_if(schema.fields, required);
  return {fmt::format("write {}: {{{}: '{}'}}", schema.name, field.name, payload.text())};
}

}  // namespace

bool decode_payload(const Schema& schema, const YamlNode& payload, const DecodeContext& context,
                    const std::string& path, void* spec) {
  const int errors_before = context.diagnostics.error_count();
  const auto decode_field = [&](const Field& field, const YamlNode& value, const std::string& field_path) {
    try {
      const YamlPtr read = typed_value(value, field);
      field.decode(read != nullptr ? *read : value, FieldDecoder(context, field, field_path), spec);
    } catch (const Error& error) {
      context.diagnostics.add(error);
    }
  };
  if (payload.is_untyped() && (schema.shorthand == nullptr || payload.text().starts_with('{'))) {
    try {
      return decode_payload(schema, *parse_untyped(payload), context, path, spec);
    } catch (const Error& error) {
      context.diagnostics.add(error);
      return false;
    }
  }
  const bool empty = payload.is_null();
  if (!empty && (schema.shorthand_only || (schema.shorthand != nullptr && !payload.is_mapping()))) {
    decode_field(*schema.shorthand, payload, path);
    return context.diagnostics.error_count() == errors_before;
  }
  if (!empty && !payload.is_mapping()) {
    context.diagnostics.error(payload.span(), fmt::format("{}: expected a mapping, found {}", path, payload.describe()),
                              mapping_meant(schema, payload));
    return false;
  }
  if (context.twin != nullptr && !has_keys_of(schema, payload) && has_keys_of(*context.twin, payload)) {
    context.diagnostics.error(payload.span(), fmt::format("{}: these are the keys of {}", path, context.twin->name),
                              {fmt::format("did you mean '{}'?", context.twin->name), describe_keys(schema, path)});
    return false;
  }
  std::set<std::string> misspelt;  // no need to say of them that they are missing too
  for (const auto& [key, value] : payload.entries()) {
    if (const Field* field = schema.find(key->text())) {
      if (value->is_null() && field->kind == FieldKind::reference && !field->required) continue;
      decode_field(*field, *value, path + "." + field->name);
    } else if (const std::optional<std::string> meant = report_unknown_key(schema, *key, context, path)) {
      misspelt.insert(*meant);
    }
  }
  for (const auto& field : schema.fields) {
    if (field->required && payload.find(field->name) == nullptr && !misspelt.contains(field->name)) {
      context.diagnostics.error(payload.span(), fmt::format("{}.{} is required", path, field->name),
                                misplaced_dtype(*field, payload));
    }
  }
  const auto given = [&](const std::string& key) { return payload.find(key) != nullptr; };
  if (!schema.needs_one_of.empty() && std::ranges::none_of(schema.needs_one_of, given)) {
    context.diagnostics.error(payload.span(), fmt::format("{}: needs {}", path, one_of(schema.needs_one_of)));
  }
  return context.diagnostics.error_count() == errors_before;
}

}  // namespace brainsurgery
