// From YAML values to the fields of a spec.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/numbers.h"
#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/schema.h"
#include "plan/dotted_name.h"
#include "plan/expressions.h"
#include "plan/field_values.h"
#include "plan/hints.h"
#include "plan/modifiers.h"
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

bool FieldDecoder::each(const YamlNode& value,
                        const std::function<bool(const FieldDecoder&, const YamlNode&)>& decode) const {
  const auto& list = std::get<ListType>(type_.shape);
  if (!value.is_sequence() || value.items().size() < list.least) {
    expected(value, "a " + noun(type_));
    return false;
  }
  bool good = true;
  for (std::size_t i = 0; i < value.items().size(); ++i)
    good &= decode(at("[" + std::to_string(i) + "]", *list.each), *value.items()[i]);
  return good;
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
  const std::vector<std::string>& choices = std::get<ScalarType>(type_.shape).choices;
  if (value.is_string()) {
    const auto found = std::ranges::find(choices, ascii_lower(trim(value.text())));
    if (found != choices.end()) return found - choices.begin();
  }
  fail(value, fmt::format("expected {}, found {}", noun(type_), value.describe()),
       did_you_mean(value.text(), choices));
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
  if (is_scalar(type_, Scalar::path) && is_cut_path(value.text())) {
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

// A pattern of one text that is written like a name.
void FieldDecoder::read_dotted(const YamlNode& value, TensorRef& ref) const {
  if (ref.structured) return;
  if (is_dotted_pattern(ref.expr) || (value.is_filled() && is_filled_dotted_pattern(ref.expr))) {
    try {
      ref.tokens = dotted_pattern_entries(ref.expr);
      ref.structured = true;
    } catch (const Error& error) {
      if (value.mistake() != nullptr) throw Error(ErrorCode::plan, {*value.mistake()});
      throw Error(ErrorCode::plan, fmt::format("{}: {}", path_, error.what()), value.span(),
                  error.diagnostics().front().notes);
    }
  } else if (value.mistake() != nullptr) {
    throw Error(ErrorCode::plan, {*value.mistake()});
  }
}

std::optional<TensorRef> FieldDecoder::reference(const YamlNode& value) const {
  try {
    const Role role = role_of(type_).value_or(Role());
    const bool has_default_alias = context_.default_alias || role.alias_of_first;
    TensorRef ref = parse_tensor_ref(value, path_, has_default_alias);
    if (role.names == Role::Names::pattern) read_dotted(value, ref);
    const bool is_derived = role.names == Role::Names::derived || role.names == Role::Names::derived_or_literal;
    if (is_derived && value.mistake() == nullptr) ref.expr = escaped_literal(ref.expr);
    if (ref.alias && !role.new_alias && !context_.known_aliases.contains(*ref.alias)) {
      const std::vector<std::string> known(context_.known_aliases.begin(), context_.known_aliases.end());
      std::vector<std::string> notes = did_you_mean(*ref.alias, known);
      const bool is_new = role.begins_model && notes.empty();
      if (role.begins_model) notes.emplace_back("another model of so similar an alias needs a step before that adds the alias");
      notes.push_back(known.empty() ? "the plan has no inputs" : fmt::format("aliases: {}", fmt::join(known, ", ")));
      if (!is_new) {
        fail(value, fmt::format("unknown model alias '{}' in '{}'", *ref.alias, ref.text), std::move(notes));
        return std::nullopt;
      }
    }
    if (ref.slice && !role.slice) {
      fail(value, fmt::format("must not be sliced, found '{}'", ref.text));
      return std::nullopt;
    }
    if (role.names == Role::Names::literal && ref.structured) {
      expected(value, "a literal name");
      return std::nullopt;
    }
    return ref;
  } catch (const Error& error) {
    context_.diagnostics.add(error);
    return std::nullopt;
  }
}

std::optional<NamePattern> FieldDecoder::pattern(const YamlNode& value) const {
  const std::optional<std::string> regex = text(value);
  if (!regex) return std::nullopt;
  try {
    return NamePattern::compile_regex(*regex, path_);
  } catch (const Error& error) {
    context_.diagnostics.add(error.at(value.span()));
    return std::nullopt;
  }
}

std::optional<std::vector<std::pair<std::string, std::string>>> FieldDecoder::texts(const YamlNode& value) const {
  if (!value.is_mapping()) {
    expected(value, "a mapping");
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [key, text] : value.entries()) {
    if (text->is_string()) {
      result.emplace_back(key->text(), text->text());
    } else {
      at("." + key->text(), type_)
          .fail(*text, fmt::format("expected a string, found {}", text->describe()), {"the values are strings; put this one in quotes"});
    }
  }
  return result;
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
  const OneOfType& either = std::get<OneOfType>(std::get<MappingType>(type_.shape).each->shape);
  std::vector<Binding> result;
  bool good = true;
  for (const auto& [key, named] : value.entries()) {
    const FieldType& type = *either.alternatives[either.taken(*named)];
    const FieldDecoder item = at("." + key->text(), type);
    if (!is_formula_name(key->text())) {
      item.fail(*key, "a formula cannot use this name",
                {"a name has letters, digits and '_', and is no word such as 'and', 'if' or 'inf'"});
      good = false;
    } else if (is_scalar(type, Scalar::formula)) {
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
  std::vector<std::string> known = keys_of(schema);
  const bool edits = std::ranges::any_of(schema.fields, [](const auto& field) { return field->role.has_value(); });
  for (const auto& modifier : modifiers_schema().fields) {
    if (edits && path == schema.name && takes_modifier(schema, modifier->name)) known.push_back(modifier->name);
  }
  if (!meant) meant = nearest(key.text(), known);
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
  if (!is_scalar(*missing.type, Scalar::dtype)) return {};
  for (const auto& [key, value] : payload.entries()) {
    if (value->is_string() && dtype_from_plan(value->text())) {
      return {fmt::format("'{}: {}' names a tensor; the dtype is written '{}: {}'", key->text(), value->text(),
                          missing.name, value->text())};
    }
  }
  return {};
}

// Whether a payload may be one scalar in place of a mapping, and no list.
bool takes_scalar_alone(const Schema& schema) {
  return schema.shorthand != nullptr && !schema.shorthand_only &&
         std::holds_alternative<ScalarType>(schema.shorthand->type->shape) && !schema.shorthand->role;
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
      if (report_unexplained_names(value, *field.type, context.diagnostics)) return;
      const YamlPtr read = typed_value(value, *field.type);
      field.decode(read != nullptr ? *read : value, FieldDecoder(context, *field.type, field_path), spec);
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
  if (payload.mistake() != nullptr && schema.shorthand == nullptr) {
    context.diagnostics.add(*payload.mistake());
    return false;
  }
  const bool empty = payload.is_null();
  if (payload.is_sequence() && takes_scalar_alone(schema)) {
    context.diagnostics.error(payload.span(), fmt::format("{}: expected {} or a mapping, found {}", path,
                                                          with_article(noun(*schema.shorthand->type)),
                                                          payload.describe()));
    return false;
  }
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
      if (value->is_null() && field->null_is_absent) continue;
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
