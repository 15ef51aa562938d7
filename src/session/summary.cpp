#include "session/summary.h"

#include <algorithm>

#include "plan/field_values.h"
#include "plan/yaml_printer.h"

namespace brainsurgery {
namespace {

// Payloads as a plan can hold them: what came as text of an argument is typed, and, unless `mode` is raw, everything is
// written out that their steps took from elsewhere.
class Resolver {
 public:
  Resolver(const Registries& registries, const std::optional<std::string>& default_alias, SummaryMode mode)
      : registries_(registries), default_alias_(default_alias), mode_(mode) {}

  [[nodiscard]] YamlPtr payload_of(const ExecutedStep& step) const {
    return payload(*step.schema, step.payload);
  }

 private:
  [[nodiscard]] YamlPtr payload(const Schema& schema, const YamlPtr& given) const {
    const YamlPtr node = schema.shorthand == nullptr || given->text().starts_with('{') ? as_structure(given) : given;
    if (node->is_null()) return node;
    if (schema.shorthand != nullptr && (schema.shorthand_only || !node->is_mapping()))
      return value(*schema.shorthand, node);
    YamlEntries entries;
    for (const auto& [key, value_given] : node->entries()) {
      const Field* field = schema.find(key->text());
      entries.emplace_back(key, field == nullptr ? value_given : value(*field, value_given));
    }
    return YamlNode::mapping(node->span(), std::move(entries));
  }

  [[nodiscard]] YamlPtr assertion(const YamlPtr& given) const {
    const YamlPtr node = as_structure(given);
    const auto& [key, inner] = node->entries().front();
    const Predicate* predicate = registries_.predicates.find(key->text());
    BS_CHECK(predicate != nullptr);
    return YamlNode::mapping(node->span(), {{key, payload(predicate->schema, inner)}});
  }

  [[nodiscard]] YamlPtr value(const Field& field, const YamlPtr& given) const {
    const YamlPtr typed = typed_value(*given, field);
    const YamlPtr& node = typed != nullptr ? typed : given;
    const bool names =
        field.kind == FieldKind::reference || field.kind == FieldKind::references || field.kind == FieldKind::dtype;
    if (names && mode_ == SummaryMode::raw) return node;
    switch (field.kind) {
      case FieldKind::reference:
        return reference(node);
      case FieldKind::references:
        return each(node, [&](const YamlPtr& item) { return reference(item); });
      case FieldKind::dtype:
        return YamlNode::text(node->span(), to_string(*dtype_from_plan(node->text())));
      case FieldKind::mapping:
        return named(node, *field.parts.front());
      case FieldKind::one_of:
        return value(*field.parts[field.part_taken(*node)], node);
      case FieldKind::predicate:
        return assertion(node);
      case FieldKind::predicates:
        return each(node, [&](const YamlPtr& item) { return assertion(item); });
      default:
        return node;
    }
  }

  // With its alias. Lists have no place for one: they are on the default alias of the resolved plan too.
  [[nodiscard]] YamlPtr reference(const YamlPtr& node) const {
    if (!node->is_string() || !default_alias_) return node;
    TensorRef ref = parse_tensor_ref(*node, "", true);
    if (!ref.alias) ref.alias = default_alias_;
    return YamlNode::text(node->span(), to_string(ref));
  }

  [[nodiscard]] YamlPtr named(const YamlPtr& node, const Field& each) const {
    YamlEntries entries;
    for (const auto& [key, given] : node->entries()) entries.emplace_back(key, value(each, given));
    return YamlNode::mapping(node->span(), std::move(entries));
  }

  template <typename Change>
  [[nodiscard]] static YamlPtr each(const YamlPtr& node, const Change& change) {
    YamlItems items;
    for (const YamlPtr& item : node->items()) items.push_back(change(item));
    return YamlNode::sequence(node->span(), std::move(items));
  }

  const Registries& registries_;
  const std::optional<std::string>& default_alias_;
  SummaryMode mode_;
};

// The step for one match, with the seed that was derived for it.
YamlPtr with_seed(const YamlPtr& payload, const ExecutedStep::SeededMatch& match) {
  const SourceSpan span = payload->span();
  YamlEntries entries;
  for (const auto& [key, value] : payload->entries()) {
    const auto named = std::ranges::find(match.references, key->text(), &std::pair<std::string, std::string>::first);
    entries.emplace_back(key, named == match.references.end() ? value : YamlNode::text(span, named->second));
  }
  entries.emplace_back(YamlNode::text(span, "seed"), YamlNode::plain(span, std::to_string(match.seed)));
  return YamlNode::mapping(span, std::move(entries));
}

std::vector<PlanStep> resolved_steps(const ExecutedStep& step, const Registries& registries) {
  const YamlPtr payload = Resolver(registries, step.default_alias, SummaryMode::resolve).payload_of(step);
  if (step.seeded.empty()) return {{step.schema->name, payload, {}}};
  std::vector<PlanStep> steps;
  for (const ExecutedStep::SeededMatch& match : step.seeded)
    steps.push_back({step.schema->name, with_seed(payload, match), {}});
  return steps;
}

std::string raw_summary(const std::vector<ExecutedStep>& executed, const Registries& registries) {
  const SourceSpan nowhere;
  YamlItems steps;
  for (const ExecutedStep& step : executed) {
    const YamlPtr payload = Resolver(registries, step.default_alias, SummaryMode::raw).payload_of(step);
    steps.push_back(to_yaml(PlanStep{step.schema->name, payload, {}}));
  }
  return print_yaml(*YamlNode::mapping(
      nowhere, {{YamlNode::text(nowhere, "transforms"), YamlNode::sequence(nowhere, std::move(steps))}}));
}

}  // namespace

std::string summary_text(SummaryMode mode, const Plan& plan, const Binder& binder, const Registries& registries) {
  if (mode == SummaryMode::none) return "";
  if (mode == SummaryMode::raw) return raw_summary(binder.executed(), registries);
  Plan resolved{plan.inputs, {}, plan.output};
  std::ranges::sort(resolved.inputs, {}, &PlanInput::alias);
  for (const ExecutedStep& step : binder.executed())
    std::ranges::move(resolved_steps(step, registries), std::back_inserter(resolved.steps));
  return print_plan(resolved);
}

}  // namespace brainsurgery
