#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "plan/hints.h"
#include "plan/yaml_tree.h"
#include "predicates/families.h"

namespace brainsurgery {

void PredicateRegistry::add(Predicate predicate) {
  if (find(predicate.schema.name) != nullptr)
    throw Error(ErrorCode::plan, fmt::format("there is an operator '{}' already", predicate.schema.name));
  predicates_.push_back(std::move(predicate));
}

const Predicate* PredicateRegistry::find(std::string_view name) const {
  const auto found = std::ranges::find(
      predicates_, name, [](const Predicate& predicate) -> std::string_view { return predicate.schema.name; });
  return found == predicates_.end() ? nullptr : &*found;
}

PredicateRegistry all_predicates() {
  PredicateRegistry registry;
  add_presence(registry);
  add_shapes(registry);
  add_values(registry);
  add_measures(registry);
  add_holds(registry);
  add_access(registry);
  add_logic(registry);
  return registry;
}

std::optional<Assertion> decode_assertion(const YamlNode& node, const DecodeContext& context, const std::string& path) {
  if (!node.is_mapping() || node.entries().size() != 1) {
    context.diagnostics.error(
        node.span(), fmt::format("{}: expected a mapping with exactly one operator, found {}", path, node.describe()));
    return std::nullopt;
  }
  const auto& [key, payload] = node.entries().front();
  const Predicate* predicate = context.predicates->find(key->text());
  if (predicate == nullptr) {
    std::vector<std::string> names;
    std::vector<Schema> operators;
    for (const Predicate& known : context.predicates->predicates()) {
      names.push_back(known.schema.name);
      operators.push_back(known.schema);
    }
    std::vector<std::string> notes = step_notes(key->text(), operators);
    notes.push_back(fmt::format("operators: {}", fmt::join(names, ", ")));
    context.diagnostics.error(key->span(), fmt::format("{}: unknown operator '{}'", path, key->text()),
                              std::move(notes));
    return std::nullopt;
  }
  std::shared_ptr<const void> spec = predicate->decode(*payload, context, path + "." + predicate->schema.name);
  if (spec == nullptr) return std::nullopt;
  return Assertion{predicate, std::move(spec)};
}

CheckPtr for_every_match(const TensorRef& ref, NameScope& names, bool counts_read,
                         const std::function<CheckPtr(const FoundTensor&)>& each) {
  std::vector<FoundTensor> found;
  try {
    found = names.select(ref);
  } catch (const Error& error) {  // a slice that does not fit: a mistake only where it is reached
    return make_check(checks::Mistake{error});
  }
  if (found.empty()) return make_check(checks::Mistake{names.no_match(ref)});
  std::vector<CheckPtr> parts;
  for (const FoundTensor& tensor : found) {
    if (counts_read) names.count_read(tensor);
    CheckPtr part = each(tensor);
    // What holds already needs no place among 100,000 others.
    const auto* known = std::get_if<checks::Decided>(&part->kind);
    if (known == nullptr || !known->pass) parts.push_back(std::move(part));
  }
  if (parts.empty()) return decided(true, "");
  return parts.size() == 1 ? parts.front() : make_check(checks::AllOf{std::move(parts)});
}

}  // namespace brainsurgery
