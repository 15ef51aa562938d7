#include "session/summary.h"

#include <algorithm>

#include "plan/field_values.h"
#include "plan/parameters.h"
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
  [[nodiscard]] YamlPtr payload_of(const ExecutedStep& step, const ExecutedStep::SeededMatch& match) const {
    return payload(*step.schema, match.payload);
  }

 private:
  [[nodiscard]] YamlPtr payload(const Schema& schema, const YamlPtr& given) const {
    const YamlPtr node = schema.shorthand == nullptr || given->text().starts_with('{') ? as_structure(given) : given;
    if (node->is_null()) return node;
    if (schema.shorthand != nullptr && (schema.shorthand_only || !node->is_mapping()))
      return value(*schema.shorthand->type, node);
    YamlEntries entries;
    for (const auto& [key, value_given] : node->entries()) {
      const Field* field = schema.find(key->text());
      entries.emplace_back(key, field == nullptr ? value_given : value(*field->type, value_given));
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

  [[nodiscard]] YamlPtr value(const FieldType& type, const YamlPtr& given) const {
    if (given->mistake() != nullptr) return given;  // an expression stays
    const YamlPtr typed = typed_value(*given, type);
    const YamlPtr& node = typed != nullptr ? typed : given;
    return std::visit([&](const auto& shape) { return resolved(shape, node); }, type.shape);
  }

  [[nodiscard]] YamlPtr resolved(const ScalarType& type, const YamlPtr& node) const {
    if (mode_ == SummaryMode::raw) return node;
    if (type.kind == Scalar::reference) return reference(node);
    if (type.kind == Scalar::dtype) return YamlNode::text(node->span(), to_string(*dtype_from_plan(node->text())));
    return node;
  }
  [[nodiscard]] YamlPtr resolved(const ListType& type, const YamlPtr& node) const {
    return type.nested ? node : each(node, [&](const YamlPtr& item) { return value(*type.each, item); });
  }
  [[nodiscard]] YamlPtr resolved(const RecordType& type, const YamlPtr& node) const {
    return payload(*type.schema, node);
  }
  [[nodiscard]] YamlPtr resolved(const MappingType& type, const YamlPtr& node) const {
    YamlEntries entries;
    for (const auto& [key, given] : node->entries()) entries.emplace_back(key, value(*type.each, given));
    return YamlNode::mapping(node->span(), std::move(entries));
  }
  [[nodiscard]] YamlPtr resolved(const OneOfType& type, const YamlPtr& node) const {
    return value(*type.alternatives[type.taken(*node)], node);
  }
  // Of steps within a step, aliases and defaults are those of its own plan.
  [[nodiscard]] YamlPtr resolved(const NamedType& type, const YamlPtr& node) const {
    return type.of == NamedType::Of::operators ? assertion(node) : node;
  }

  // With its alias. Lists have no place for one: they are on the default alias of the resolved plan too.
  [[nodiscard]] YamlPtr reference(const YamlPtr& node) const {
    if (!node->is_string() || !default_alias_) return node;
    TensorRef ref = parse_tensor_ref(*node, "", true);
    if (!ref.alias) ref.alias = default_alias_;
    return YamlNode::text(node->span(), to_string(ref));
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

// Whether values of parameters may still be asked for.
bool has_expressions(const YamlNode& payload) {
  return is_open(payload) || payload.find("where") != nullptr;
}

std::vector<PlanStep> resolved_steps(const ExecutedStep& step, const Registries& registries) {
  const Resolver resolver(registries, step.default_alias, SummaryMode::resolve);
  if (step.seeded.empty()) return {{step.schema->name, resolver.payload_of(step), {}}};
  std::vector<PlanStep> steps;
  for (const ExecutedStep::SeededMatch& match : step.seeded)
    steps.push_back({step.schema->name, with_seed(resolver.payload_of(step, match), match), {}});
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

std::string summary_text(SummaryMode mode, const Plan& plan, const std::vector<ExecutedStep>& executed,
                         const Registries& registries) {
  if (mode == SummaryMode::none) return "";
  if (mode == SummaryMode::raw) return raw_summary(executed, registries);
  Plan resolved{plan.inputs, {}, plan.output, {}};
  std::ranges::sort(resolved.inputs, {}, &PlanInput::alias);
  for (const ExecutedStep& step : executed)
    std::ranges::move(resolved_steps(step, registries), std::back_inserter(resolved.steps));
  const auto needs_names = [](const PlanStep& step) { return has_expressions(*step.payload); };
  if (std::ranges::any_of(resolved.steps, needs_names)) resolved.parameters = plan.parameters;
  return print_plan(resolved);
}

}  // namespace brainsurgery
