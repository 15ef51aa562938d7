// The part of the binder that assertions and reports see.
#include "plan/match_names.h"
#include "session/binder.h"

namespace brainsurgery {

void Binder::bind_action(const Condition& condition) {
  for (const StepPartPtr& part : parts()) bind_condition(condition, part->spec.get());
}

void Binder::bind_condition(const Condition& condition, const void* spec) {
  try {
    CheckPtr check = condition.bind(spec, *this);
    // Decides what headers can tell, and throws a mistake that is reached whatever the data are.
    const std::optional<Verdict> verdict = decide(*check);
    if (verdict && !verdict->pass && taints_.touch(current_.looked_at)) return;
    add_effect(CheckEffect{std::move(check), state_.flags.verbose ? announcement(current_.step->name() + ": ok") : ""});
  } catch (const Error& error) {
    report_mistake(error, current_.looked_at);
  }
}

std::string Binder::alias_of(const TensorRef& ref) const {
  BS_CHECK(ref.alias || current_.step->default_alias);  // decoding refuses a reference that has neither
  return ref.alias ? *ref.alias : *current_.step->default_alias;
}

std::string Binder::describe(const TensorRef& ref) const {
  TensorRef full = ref;
  full.alias = alias_of(ref);
  return to_string(full);
}

Error Binder::no_match(const TensorRef& ref) const { return no_match("", alias_of(ref), ref); }

FoundTensor Binder::found(const std::string& alias, const std::string& name, const NamedTensor& tensor,
                          const TensorRef& ref) {
  return {alias, name, sliced(tensor.expr, ref, alias, name), tensor.counts, ref.slice ? ref.slice->text : ""};
}

template <typename Visit>
void Binder::for_each_name(const TensorRef& ref, const Visit& visit) {
  const std::string alias = alias_of(ref);
  const NamePattern pattern = NamePattern::compile(ref, current_.step->name());
  current_.looked_at.push_back({alias, pattern.literal_prefix(), pattern.is_literal()});
  for_each_matching_name(pattern, names_of(alias).names(), current_.matching,
                         [&](const auto& at) { visit(alias, at->first, at->second); });
}

std::vector<FoundTensor> Binder::select(const TensorRef& ref) {
  std::vector<FoundTensor> result;
  for_each_name(ref, [&](const std::string& alias, const std::string& name, const NamedTensor& tensor) {
    result.push_back(found(alias, name, tensor, ref));
  });
  return result;
}

std::int64_t Binder::count_matches(const TensorRef& ref) {
  std::int64_t count = 0;
  for_each_name(ref, [&](const std::string& alias, const std::string& name, const NamedTensor& tensor) {
    static_cast<void>(sliced(tensor.expr, ref, alias, name));  // the slice must fit
    ++count;
  });
  return count;
}

std::vector<std::pair<FoundTensor, FoundTensor>> Binder::select_pairs(const TensorRef& pattern_ref,
                                                                      const TensorRef& derived_ref) {
  const std::string alias = alias_of(pattern_ref);
  const std::string other_alias = alias_of(derived_ref);
  const NamePattern pattern = NamePattern::compile(pattern_ref, current_.step->name());
  const NameTemplate derived = NameTemplate::compile(derived_ref, pattern, current_.step->name());
  current_.looked_at.push_back({alias, pattern.literal_prefix(), pattern.is_literal()});
  current_.looked_at.push_back({other_alias, derived_ref.expr.substr(0, derived_ref.expr.find('\\')), false});
  const StateDict& other = names_of(other_alias);
  std::vector<std::pair<FoundTensor, FoundTensor>> result;
  for_each_match(pattern, names_of(alias).names(), current_.matching, [&](const auto& at, const Captures& captures) {
    const std::string name = derived.expand(captures, current_.matching);
    const NamedTensor* partner = other.find(name);
    result.emplace_back(found(alias, at->first, at->second, pattern_ref),
                        partner != nullptr ? found(other_alias, name, *partner, derived_ref)
                                           : FoundTensor{other_alias, name, Expr(), {}, ""});
  });
  return result;
}

Error Binder::missing(const TensorRef& derived, const FoundTensor& tensor) const {
  return missing(current_.step->name(), derived, tensor.alias, tensor.name);
}

AccessCounts Binder::count_read(const FoundTensor& tensor) {
  StateDict& names = state_.workspace.at(tensor.alias);
  return state_.flags.dry_run ? names.find(tensor.name)->counts : names.count(tensor.name, 1, 0);
}

}  // namespace brainsurgery
