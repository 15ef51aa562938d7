#include "brainsurgery/workspace.h"

#include <algorithm>
#include <set>

#include "brainsurgery/error.h"

namespace brainsurgery {

const NamedTensor* StateDict::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &found->second;
}

std::vector<std::pair<std::string_view, const NamedTensor*>> StateDict::in_key_order() const {
  // Every place was given once; those of names that are gone stay empty.
  std::vector<std::pair<std::string_view, const NamedTensor*>> result(next_order_);
  for (const auto& [name, tensor] : names_) result[tensor.order] = {name, &tensor};
  std::erase_if(result, [](const auto& entry) { return entry.second == nullptr; });
  return result;
}

std::vector<std::string> StateDict::partners(std::string_view name) const {
  const NamedTensor* tensor = find(name);
  std::vector<std::string> result;
  if (tensor == nullptr || !tensor->storage) return result;
  for (const auto& [other, shared] : names_) {
    if (&shared != tensor && shared.storage == tensor->storage) result.push_back(other);
  }
  return result;
}

void StateDict::put(std::string name, Expr expr, std::optional<SharedStorage> storage) {
  const auto at = names_.lower_bound(name);
  if (at != names_.end() && at->first == name) {
    NamedTensor& tensor = names_.value(at);
    tensor.expr = std::move(expr);
    tensor.storage = storage;
  } else {
    names_.insert(at, std::move(name), {std::move(expr), next_order_++, {}, storage});
  }
}

void StateDict::erase(std::string_view name) {
  const auto found = names_.find(name);
  BS_CHECK(found != names_.end());
  names_.erase(found);
}

void StateDict::rename(std::string_view from, std::string to) {
  const auto found = names_.find(from);
  BS_CHECK(found != names_.end());
  NamedTensor tensor{found->second.expr, next_order_++, {}, found->second.storage};
  names_.erase(found);
  const auto place = names_.lower_bound(to);
  names_.insert(place, std::move(to), std::move(tensor));
}

AccessCounts StateDict::count(std::string_view name, std::int64_t reads, std::int64_t writes) {
  const auto found = names_.find(name);
  BS_CHECK(found != names_.end());
  AccessCounts& counts = names_.value(found).counts;
  counts.reads += reads;
  counts.writes += writes;
  return counts;
}

const StateDict* Workspace::find(std::string_view alias) const {
  const auto found = aliases_.find(alias);
  return found == aliases_.end() ? nullptr : &found->second;
}

StateDict& Workspace::at(std::string_view alias) {
  const auto found = aliases_.find(alias);
  BS_CHECK(found != aliases_.end());
  return found->second;
}

void Workspace::erase(std::string_view alias) {
  const auto found = aliases_.find(alias);
  BS_CHECK(found != aliases_.end());
  aliases_.erase(found);
}

void Workspace::rename(std::string_view from, std::string to) {
  const auto found = aliases_.find(from);
  BS_CHECK(found != aliases_.end() && find(to) == nullptr);
  auto node = aliases_.extract(found);
  node.key() = std::move(to);
  aliases_.insert(std::move(node));
}

void Workspace::add(std::string alias, StateDict tensors) {
  aliases_.insert_or_assign(std::move(alias), std::move(tensors));
}

namespace {

// Both are sorted.
void add_differences(const std::string& alias, const StateDict::Names& before, const StateDict::Names& after,
                     Delta& delta) {
  using Kind = DeltaEntry::Kind;
  auto old_one = before.begin(), new_one = after.begin();
  while (old_one != before.end() || new_one != after.end()) {
    const bool only_old = new_one == after.end() || (old_one != before.end() && old_one->first < new_one->first);
    const bool only_new = old_one == before.end() || (new_one != after.end() && new_one->first < old_one->first);
    if (only_old) {
      delta.push_back({Kind::deleted, alias, old_one->first});
    } else if (only_new) {
      delta.push_back({Kind::created, alias, new_one->first});
    } else if (!(old_one->second.expr == new_one->second.expr)) {
      delta.push_back({Kind::changed, alias, new_one->first});
    }
    if (!only_new) ++old_one;
    if (!only_old) ++new_one;
  }
}

}  // namespace

Delta difference(const Workspace& before, const Workspace& after) {
  std::set<std::string> aliases;
  for (const Workspace* workspace : {&before, &after}) {
    for (const auto& [alias, names] : workspace->aliases()) aliases.insert(alias);
  }
  const StateDict::Names none;
  Delta delta;
  for (const std::string& alias : aliases) {
    const StateDict *old_one = before.find(alias), *new_one = after.find(alias);
    add_differences(alias, old_one == nullptr ? none : old_one->names(), new_one == nullptr ? none : new_one->names(),
                    delta);
  }
  return delta;
}

}  // namespace brainsurgery
