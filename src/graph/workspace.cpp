#include "brainsurgery/workspace.h"

#include <algorithm>

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

void StateDict::count(std::string_view name, std::int64_t reads, std::int64_t writes) {
  const auto found = names_.find(name);
  BS_CHECK(found != names_.end());
  AccessCounts& counts = names_.value(found).counts;
  counts.reads += reads;
  counts.writes += writes;
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

}  // namespace brainsurgery
