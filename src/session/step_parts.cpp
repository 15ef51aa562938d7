#include "session/step_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/spelling.h"
#include "plan/dotted_name.h"
#include "plan/expressions.h"
#include "plan/field_values.h"
#include "plan/parameters.h"
#include "session/match_scope.h"
#include "session/members.h"
#include "session/model_scope.h"

namespace brainsurgery {
namespace {

using Names = std::set<std::string, std::less<>>;

// cast_ of cast, and the other way round.
const Schema* twin_of(std::string_view name, const StepRegistry& steps) {
  const Step* twin = steps.find(name.ends_with('_') ? name.substr(0, name.size() - 1) : std::string(name) + "_");
  return twin == nullptr ? nullptr : &twin->schema;
}

// Names in expressions that a value needs before it can be decoded: all but those in the templates and patterns of
// references, where a plain ${name} is a capture.
class OpenNames {
 public:
  void collect(const YamlNode& value, const FieldType& type) {
    std::visit([&](const auto& shape) { parts(value, shape); }, type.shape);
  }
  void collect(const YamlNode& payload, const Schema& schema) {
    if (schema.shorthand != nullptr && (schema.shorthand_only || !payload.is_mapping()))
      return collect(payload, *schema.shorthand->type);
    for (const auto& [key, value] : payload.entries()) {
      if (const Field* field = schema.find(key->text())) collect(*value, *field->type);
    }
  }
  [[nodiscard]] const Names& names() const { return names_; }

 private:
  void parts(const YamlNode& value, const ScalarType& type) {
    const bool is_name = type.kind == Scalar::reference && type.role && type.role->names != Role::Names::literal;
    collect_names(value, !is_name && type.kind != Scalar::plan_text, names_);
  }
  void parts(const YamlNode& value, const ListType& type) {
    if (!value.is_sequence()) return collect_names(value, true, names_);
    for (const YamlPtr& item : value.items()) collect(*item, *type.each);
  }
  void parts(const YamlNode& value, const RecordType& type) { collect(value, *type.schema); }
  void parts(const YamlNode& value, const MappingType& type) {
    if (!value.is_mapping()) return collect_names(value, true, names_);
    for (const auto& [key, entry] : value.entries()) collect(*entry, *type.each);
  }
  void parts(const YamlNode& value, const OneOfType& type) { collect(value, *type.alternatives[type.taken(value)]); }
  void parts(const YamlNode& value, const NamedType&) { collect_names(value, false, names_); }

  Names names_;
};

// The first text below `node` with one of the names in an expression.
const YamlNode* text_with(const YamlNode& node, std::string_view name) {
  if (node.is_string()) {
    Names names;
    collect_names(node, true, names);
    return names.contains(name) ? &node : nullptr;
  }
  const YamlNode* found = nullptr;
  for (const YamlPtr& item : node.items()) found = found != nullptr ? found : text_with(*item, name);
  for (const auto& [key, value] : node.entries()) found = found != nullptr ? found : text_with(*value, name);
  return found;
}

void report_unknown(const YamlNode& payload, std::string_view name, const std::vector<std::string>& known,
                    Diagnostics& diagnostics) {
  const YamlNode* at = text_with(payload, name);
  Diagnostic mistake{Severity::error, payload.span(), fmt::format("unknown name '{}'", name), did_you_mean(name, known)};
  if (at != nullptr) {
    mistake.span = at->span();
    mistake.message = fmt::format("'{}': {}", expression_with(*at, name), mistake.message);
  }
  if (!known.empty()) mistake.notes.push_back(fmt::format("names of this step: {}", fmt::join(known, ", ")));
  diagnostics.add(std::move(mistake));
}

const Field* leading_field(const Schema& schema) {
  const auto leads = [](const auto& field) { return field->role && field->role->names == Role::Names::pattern; };
  const auto found = std::ranges::find_if(schema.fields, leads);
  return found == schema.fields.end() ? nullptr : found->get();
}

NamePattern pattern_of(const YamlNode& node, std::string_view field) {
  if (!node.is_string() || node.text().empty()) {
    throw Error(ErrorCode::plan, fmt::format("{}: expected a pattern, found {}", field, node.describe()), node.span());
  }
  TensorRef ref;
  ref.span = node.span();
  ref.text = ref.expr = node.text();
  ref.structured = is_dotted_pattern(ref.expr);
  if (ref.structured) ref.tokens = dotted_pattern_entries(ref.expr);
  return NamePattern::compile(ref, field);
}

Selection selection_of(const WrittenModifiers& written, const std::string& path) {
  Selection selection;
  if (written.where != nullptr) {
    if (written.where->mistake() != nullptr) throw Error(ErrorCode::plan, {*written.where->mistake()});
    if (written.where->is_sequence() || written.where->is_mapping() || written.where->is_null()) {
      throw Error(ErrorCode::plan, fmt::format("{}.where: expected a condition, found {}", path,
                                               written.where->describe()),
                  written.where->span());
    }
    selection.where = parse_formula({written.where->text(), path + ".where", written.where->span()});
  }
  if (written.except != nullptr) {
    const bool is_list = written.except->is_sequence();
    if (!is_list) selection.except.push_back(pattern_of(*written.except, path + ".except"));
    for (const YamlPtr& item : written.except->items()) selection.except.push_back(pattern_of(*item, path + ".except"));
  }
  if (written.optional != nullptr) {
    if (!written.optional->is(YamlKind::boolean)) {
      throw Error(ErrorCode::plan, fmt::format("{}.optional: expected true or false, found {}", path,
                                               written.optional->describe()),
                  written.optional->span());
    }
    selection.optional = written.optional->boolean();
  }
  return selection;
}

}  // namespace

struct PartMaker::Written {
  YamlPtr payload;
  WrittenModifiers modifiers;
  Variables variables;
  std::size_t combination = 0;
};

PartMaker::Result PartMaker::operator()(const YamlPtr& payload, const ValueScope* models,
                                        Diagnostics& diagnostics) const {
  const ParameterScope parameters(parameters_);
  const ValueScope* scope = models == nullptr ? &parameters : models;
  const Schema& schema = step_.schema;
  auto [rest, modifiers] = split_modifiers(payload, schema);
  Result result;
  try {
    if (!std::holds_alternative<Edit>(step_.action)) {
      for (const auto& [modifier, name] : {std::pair(modifiers.where, "where"), std::pair(modifiers.except, "except"),
                                           std::pair(modifiers.optional, "optional"), std::pair(modifiers.over, "over")}) {
        if (modifier != nullptr) {
          throw Error(ErrorCode::plan, fmt::format("{} takes no '{}'; it is for steps that edit tensors", schema.name, name),
                      modifier->span());
        }
      }
    }
    YamlPtr unknown;
    const std::vector<Variables> rows = combinations(modifiers.each, schema.name, scope, unknown);
    if (unknown != nullptr) {
      Names names;
      collect_names(*unknown, true, names);
      const bool from_models = std::ranges::all_of(names, [this](const std::string& name) { return may_follow(name); });
      result.needs_model = models == nullptr && from_models;
      if (!result.needs_model) diagnostics.add(*unknown->mistake());
      return result;
    }
    std::size_t combination = 0;
    for (const Variables& variables : rows) {
      const VariableScope names(variables, scope);
      const std::optional<bool> is_wanted = wanted(modifiers.when.get(), names, models);
      if (!is_wanted) return {{}, true};
      if (!*is_wanted) continue;
      const auto explained = [&names](const YamlPtr& node) { return node == nullptr ? node : explain(node, names); };
      Written written{explained(rest),
                      {nullptr, nullptr, explained(modifiers.over), explained(modifiers.where), explained(modifiers.except),
                       explained(modifiers.optional)},
                      variables, combination++};
      StepPartPtr made = part(written, models, result.needs_model, diagnostics);
      if (result.needs_model) return {{}, true};
      if (made == nullptr) return {};
      result.parts.push_back(std::move(made));
    }
    result.skipped = result.parts.empty();
  } catch (const Error& error) {
    diagnostics.add(error.at(payload->span()));
    return {};
  }
  return result;
}

std::optional<bool> PartMaker::wanted(const YamlNode* when, const ValueScope& names, const ValueScope* models) const {
  if (when == nullptr) return true;
  const YamlPtr condition = explain(when->shared_from_this(), names);
  const std::string path = step_.schema.name + ".when";
  if (condition->is(YamlKind::boolean)) return condition->boolean();
  std::set<std::string, std::less<>> open;
  collect_names(*condition, true, open);
  if (open.empty() && condition->mistake() != nullptr) throw Error(ErrorCode::plan, {*condition->mistake()});
  if (condition->is_sequence() || condition->is_mapping() || condition->is_null()) {
    throw Error(ErrorCode::plan, fmt::format("{}: expected a condition, found {}", path, condition->describe()),
                condition->span());
  }
  const Formula formula = parse_formula({condition->text(), path, condition->span()});
  if (open.empty()) open = names_in(formula);
  for (const std::string& name : open) {
    if (names.knows(name)) continue;
    if (models == nullptr && may_follow(name)) return std::nullopt;
    throw Error(ErrorCode::plan, fmt::format("{}: unknown name '{}'", path, name), condition->span(),
                did_you_mean(name, names.names()));
  }
  const PlanValue value = evaluate(formula, names);
  if (const auto* holds = std::get_if<bool>(&value.is)) return *holds;
  throw Error(ErrorCode::plan, fmt::format("{}: a condition is true or false, not {}", path, brainsurgery::describe(value)),
              condition->span());
}

StepPartPtr PartMaker::part(const Written& written, const ValueScope* models, bool& needs_model,
                            Diagnostics& diagnostics) const {
  Names open;
  for (const YamlPtr& node : {written.modifiers.over, written.modifiers.where, written.modifiers.except}) {
    if (node != nullptr) collect_names(*node, true, open);
  }
  OpenNames in_payload;
  in_payload.collect(*written.payload, step_.schema);
  open.insert(in_payload.names().begin(), in_payload.names().end());
  const bool follows = std::ranges::any_of(open, [this](const std::string& name) { return may_follow(name); });
  if (follows && models == nullptr) {
    needs_model = true;
    return nullptr;
  }
  StepPart part{written.payload, written.variables, written.combination,
                selection_of(written.modifiers, step_.schema.name), nullptr};
  const WrittenMembers members = written_members(written.payload, written.modifiers.over, step_.schema);
  part.payload = members.payload;
  Names names = in_payload.names();
  std::erase_if(names, [&](const std::string& name) { return counts_results(*part.payload, step_.schema, name); });
  if (!names.empty()) return open_part(std::move(part), names, models, diagnostics);
  return decoded(std::move(part), members.counted, diagnostics);
}

StepPartPtr PartMaker::decoded(StepPart part, const std::string& counted, Diagnostics& diagnostics) const {
  const DecodeContext context{diagnostics, default_alias_, aliases_, &registries_.predicates,
                              twin_of(step_.schema.name, registries_.steps)};
  part.spec = step_.decode(*part.payload, context);
  if (part.spec == nullptr) return nullptr;
  if (std::holds_alternative<Edit>(step_.action)) prepare_refs(step_.schema, default_alias_, counted, part);
  return std::make_shared<const StepPart>(std::move(part));
}

StepPartPtr PartMaker::open_part(StepPart part, const Names& names, const ValueScope* models,
                                 Diagnostics& diagnostics) const {
  const ParameterScope parameters(parameters_);
  const Field* field = leading_field(step_.schema);
  const YamlNode* value = field == nullptr ? nullptr : part.payload->find(field->name);
  if (value != nullptr && value->is_sequence() && !value->items().empty() && field->role->members)
    value = value->items().front().get();
  if (value == nullptr || !std::holds_alternative<Edit>(step_.action)) {
    report_unknown(*part.payload, *names.begin(), parameters.names(), diagnostics);
    return nullptr;
  }
  const DecodeContext context{diagnostics, default_alias_, aliases_, &registries_.predicates};
  const std::string path = fmt::format("{}.{}", step_.schema.name, field->name);
  std::optional<TensorRef> lead = FieldDecoder(context, *field->type, path).reference(*value);
  if (!lead) return nullptr;
  part.lead = *std::move(lead);
  PreparedRef ref;
  ref.field = field;
  ref.role = *field->role;
  ref.alias = part.lead.alias.value_or(default_alias_.value_or(""));
  ref.where = path;
  ref.pattern = NamePattern::compile(part.lead, path);
  std::vector<std::string> known = parameters.names();
  for (const auto& [name, ignored] : part.variables) known.push_back(name);
  for (const auto& [name, place] : ref.pattern->named_captures()) {
    known.push_back(name);
    if (names.contains(name)) part.open.emplace_back(name, place);
  }
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end() || (models != nullptr && models->knows(name))) continue;
    if (is_plain_fact(name)) {
      part.facts.push_back(name);
      continue;
    }
    report_unknown(*part.payload, name, known, diagnostics);
    return nullptr;
  }
  part.refs.push_back(std::move(ref));
  auto made = std::make_shared<StepPart>(std::move(part));
  made->refs.front().ref = &made->lead;
  return made;
}

StepPartPtr PartMaker::closed(const StepPart& open, const ValueScope& captures, Diagnostics& diagnostics) const {
  StepPart part{explain(open.payload, VariableScope(open.variables, &captures)), open.variables, open.combination,
                open.selection, nullptr};
  return decoded(std::move(part), "", diagnostics);
}

bool PartMaker::may_follow(std::string_view name) const {
  const auto is_late = [name](const auto& parameter) { return parameter.first == name && is_open(*parameter.second); };
  return is_model_name(name) || std::ranges::any_of(parameters_, is_late);
}

}  // namespace brainsurgery
