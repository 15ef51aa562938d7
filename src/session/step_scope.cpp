#include "session/step_scope.h"

#include <algorithm>

#include "base/interrupt.h"
#include "plan/match_names.h"
#include "session/plan_targets.h"
#include "session/registries.h"

namespace brainsurgery {

FoundTensor StepScope::found(const std::string& alias, const std::string& name, const NamedTensor& tensor,
                             const TensorRef& ref) {
  return {alias, name, names_.sliced(tensor.expr, ref, alias, name), tensor.counts, ref.slice ? ref.slice->text : ""};
}

template <typename Visit>
void StepScope::for_each_name(const TensorRef& ref, const Visit& visit) {
  const std::string alias = step_.alias_of(ref);
  const NamePattern pattern = NamePattern::compile(ref, step_.name());
  step_.looked_at.push_back({alias, pattern.literal_prefix(), pattern.is_literal()});
  for_each_matching_name(pattern, names_.of(alias).names(), step_.matching,
                         [&](const auto& at) { visit(alias, at->first, at->second); });
}

std::vector<FoundTensor> StepScope::select(const TensorRef& ref) {
  std::vector<FoundTensor> result;
  for_each_name(ref, [&](const std::string& alias, const std::string& name, const NamedTensor& tensor) {
    result.push_back(found(alias, name, tensor, ref));
  });
  return result;
}

std::int64_t StepScope::count_matches(const TensorRef& ref) {
  std::int64_t count = 0;
  for_each_name(ref, [&](const std::string& alias, const std::string& name, const NamedTensor& tensor) {
    static_cast<void>(names_.sliced(tensor.expr, ref, alias, name));  // the slice must fit
    ++count;
  });
  return count;
}

std::vector<std::pair<FoundTensor, FoundTensor>> StepScope::select_pairs(const TensorRef& pattern_ref,
                                                                         const TensorRef& derived_ref) {
  const std::string alias = step_.alias_of(pattern_ref);
  const std::string other_alias = step_.alias_of(derived_ref);
  const NamePattern pattern = NamePattern::compile(pattern_ref, step_.name());
  const NameTemplate derived = NameTemplate::compile(derived_ref, pattern, step_.name());
  step_.looked_at.push_back({alias, pattern.literal_prefix(), pattern.is_literal()});
  step_.looked_at.push_back({other_alias, derived_ref.expr.substr(0, derived_ref.expr.find('\\')), false});
  const StateDict& other = names_.of(other_alias);
  std::vector<std::pair<FoundTensor, FoundTensor>> result;
  for_each_match(pattern, names_.of(alias).names(), step_.matching, [&](const auto& at, const Captures& captures) {
    const std::string name = derived.expand(captures, step_.matching);
    const NamedTensor* partner = other.find(name);
    result.emplace_back(found(alias, at->first, at->second, pattern_ref),
                        partner != nullptr ? found(other_alias, name, *partner, derived_ref)
                                           : FoundTensor{other_alias, name, Expr(), {}, ""});
  });
  return result;
}

Error StepScope::no_match(const TensorRef& ref) const { return missing_.no_match("", step_.alias_of(ref), ref); }

Error StepScope::missing(const TensorRef& derived, const FoundTensor& tensor) const {
  return missing_.missing(step_.name(), derived, tensor.alias, tensor.name);
}

AccessCounts StepScope::count_read(const FoundTensor& tensor) {
  return changes_.count(tensor.alias, tensor.name, 1, 0);
}

std::vector<FoundTensor> StepScope::tensors_of(const std::string& alias) {
  look_at_all(alias);
  std::vector<FoundTensor> result;
  for (const auto& [name, tensor] : names_.of(alias).names()) {
    throw_if_interrupted();
    result.push_back({alias, name, tensor.expr, tensor.counts, ""});
  }
  return result;
}

void StepScope::take_slice(const TensorRef& ref, FoundTensor& tensor) {
  tensor.expr = names_.sliced(tensor.expr, ref, tensor.alias, tensor.name);
}

Catalog StepScope::catalog() const { return catalog_of(registries_); }

void StepScope::report(Report report) {
  step_.add_effect(ReportEffect{std::move(report), state_.flags.verbose, state_.flags.dry_run});
}

std::vector<DocumentChange> StepScope::edit_document(const DocumentEdit& edit) {
  models_.require_known(edit.alias, step_.name());
  look_at_all(edit.alias);
  std::vector<DocumentChange> changes = documents_.edit(edit);
  changes_.mark_changed(edit.alias);
  return changes;
}

void StepScope::edit_metadata(const std::string& alias, const MetadataEdit& edit) {
  models_.require_known(alias, step_.name());
  look_at_all(alias);
  documents_.edit_metadata(alias, edit);
  changes_.mark_changed(alias);
}

void StepScope::change_names(const std::string& alias, const std::vector<NameChange>& changes) {
  look_at_all(alias);
  changes_.give_names(alias, changes);
  changes_.mark_changed(alias);
  changes_.mark_and_announce();
}

std::optional<JsonValue> StepScope::document(const std::string& alias, const std::string& name) {
  look_at_all(alias);
  return documents_.find(alias, name);
}

std::optional<std::string> StepScope::metadata(const std::string& alias, const std::string& key) {
  static_cast<void>(names_.of(alias));  // opens the input
  const Metadata& pairs = models_.beside(alias).metadata;
  const auto found = std::ranges::find(pairs, key, &Metadata::value_type::first);
  return found == pairs.end() ? std::nullopt : std::optional(found->second);
}

void StepScope::write_tensors(const std::string& alias, std::vector<NewTensor> tensors) {
  look_at_all(alias);
  if (!models_.open(alias)) changes_.begin(alias);
  for (NewTensor& tensor : tensors) {
    throw_if_interrupted();
    changes_.put(alias, tensor.name, std::move(tensor.expr));
  }
  changes_.mark_changed(alias);
  changes_.mark_and_announce();
}

std::vector<std::string> StepScope::partners(const std::string& alias, const std::string& name) {
  return names_.of(alias).partners(name);
}

void StepScope::add_alias(const std::string& alias) {
  models_.require_new(alias, step_.name());
  models_.add(alias, {});
  changes_.contribute(alias);
}

void StepScope::remove_alias(const std::string& alias) {
  models_.require_known(alias, step_.name());
  models_.remove(alias);
}

void StepScope::rename_alias(const std::string& from, const std::string& to) {
  models_.require_known(from, step_.name());
  models_.require_new(to, step_.name());
  changes_.contribute(to);
  models_.rename(from, to);
}

void StepScope::execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) {
  execute_(steps, std::move(default_alias));
}

std::string StepScope::read_text(const std::string& path) { return read_step_text(env_, path); }

}  // namespace brainsurgery
