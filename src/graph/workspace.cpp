#include "brainsurgery/workspace.h"

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery {

const NamedTensor* StateDict::find(std::string_view name) const {
  const auto found = names_->find(name);
  return found == names_->end() ? nullptr : &found->second;
}

std::vector<std::pair<std::string_view, const NamedTensor*>> StateDict::in_key_order() const {
  std::vector<std::pair<std::string_view, const NamedTensor*>> result;
  result.reserve(names_->size());
  for (const auto& [name, tensor] : *names_) result.emplace_back(name, &tensor);
  std::ranges::sort(result, {}, [](const auto& entry) { return entry.second->order; });
  return result;
}

StateDict::Names& StateDict::own() {
  if (names_.use_count() > 1) names_ = std::make_shared<Names>(*names_);
  return *names_;
}

std::vector<std::string> StateDict::partners(std::string_view name) const {
  const NamedTensor* tensor = find(name);
  std::vector<std::string> result;
  if (tensor == nullptr || !tensor->storage) return result;
  for (const auto& [other, shared] : *names_) {
    if (&shared != tensor && shared.storage == tensor->storage) result.push_back(other);
  }
  return result;
}

void StateDict::put(std::string_view name, Expr expr, std::optional<SharedStorage> storage) {
  Names& names = own();
  const auto hint = names.lower_bound(name);
  if (hint != names.end() && hint->first == name) {
    hint->second.expr = std::move(expr);
    hint->second.storage = storage;
  } else {
    names.emplace_hint(hint, std::string(name), NamedTensor{std::move(expr), next_order_++, {}, storage});
  }
}

void StateDict::erase(std::string_view name) {
  Names& names = own();
  const auto found = names.find(name);
  BS_CHECK(found != names.end());
  names.erase(found);
}

void StateDict::rename(std::string_view from, std::string_view to) {
  Names& names = own();
  auto entry = names.extract(names.find(from));
  BS_CHECK(!entry.empty());
  entry.key() = std::string(to);
  entry.mapped().order = next_order_++;
  entry.mapped().counts = {};
  names.insert(std::move(entry));
}

void StateDict::count(std::string_view name, std::int64_t reads, std::int64_t writes) {
  Names& names = own();
  const auto found = names.find(name);
  BS_CHECK(found != names.end());
  found->second.counts.reads += reads;
  found->second.counts.writes += writes;
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
