#include "session/models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "session/prepared_step.h"
#include "session/tie_records.h"

namespace brainsurgery {
namespace {

// The storages that more than one of the tensors is a view of.
std::set<std::pair<const ReadableFile*, std::int64_t>> shared_storages(const std::vector<TensorEntry>& tensors) {
  std::set<std::pair<const ReadableFile*, std::int64_t>> seen, shared;
  for (const TensorEntry& tensor : tensors) {
    if (!tensor.storage) continue;
    const std::pair key(tensor.file.get(), tensor.storage->begin);
    if (!seen.insert(key).second) shared.insert(key);
  }
  return shared;
}

Expr expression_of(TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return unreadable(std::move(tensor.desc), std::move(tensor.unreadable));
  return source(std::move(tensor.file), tensor.offset, std::move(tensor.desc), std::move(tensor.strides));
}

StateDict names_of(std::vector<TensorEntry> tensors, const std::string& path) {
  StateDict names(path);
  const auto shared = shared_storages(tensors);
  for (TensorEntry& tensor : tensors) {
    throw_if_interrupted();
    std::optional<SharedStorage> storage;
    if (tensor.storage && shared.contains({tensor.file.get(), tensor.storage->begin}))
      storage = SharedStorage{tensor.file.get(), tensor.storage->begin, tensor.storage->size};
    Expr expr = expression_of(tensor);
    names.put(std::move(tensor.name), std::move(expr), storage);
  }
  return names;
}

// Under the path that it is read from, with counts that begin anew.
StateDict reopened(const StateDict& saved, const std::string& path) {
  StateDict names(path);
  for (const auto& [name, tensor] : saved.in_key_order()) names.put(std::string(name), tensor->expr, tensor->storage);
  return names;
}

}  // namespace

std::vector<std::string> Models::aliases() const {
  std::vector<std::string> result;
  for (const auto& [alias, names] : state_.models.workspace.aliases()) result.push_back(alias);
  for (const auto& [alias, input] : state_.pending) result.push_back(alias);
  std::ranges::sort(result);
  return result;
}

bool Models::exists(const std::string& alias) const {
  return state_.models.workspace.find(alias) != nullptr || state_.pending.contains(alias);
}

void Models::require_known(const std::string& alias, std::string_view step) const {
  if (exists(alias)) return;
  const std::vector<std::string> known = aliases();
  std::vector<std::string> notes = did_you_mean(alias, known);
  notes.push_back(known.empty() ? "there is no model at this step"
                                : fmt::format("aliases at this step: {}", fmt::join(known, ", ")));
  throw Error(ErrorCode::plan, fmt::format("{}: unknown model alias '{}'", step, alias), {}, std::move(notes));
}

void Models::require_new(const std::string& alias, std::string_view step) const {
  if (exists(alias)) throw Error(ErrorCode::plan, fmt::format("{}: the alias '{}' exists already", step, alias));
}

bool Models::open(const std::string& alias) {
  if (state_.models.workspace.find(alias) != nullptr) return true;
  const auto pending = state_.pending.find(alias);
  if (pending == state_.pending.end()) {
    // A plan without inputs has one model to begin with, which is empty.
    if (!plan_.inputs.empty() || alias != kImplicitAlias) return false;
    add(alias, {});
    return true;
  }
  const PlanInput from = pending->second;
  state_.pending.erase(pending);
  add(alias, input(from, alias));
  return true;
}

Models::Opened Models::input(const PlanInput& input, const std::string& alias) {
  if (const auto opened = inputs_.find(alias); opened != inputs_.end()) return opened->second;
  try {
    return inputs_.emplace(alias, read(alias, input.path)).first->second;
  } catch (const Error& error) {
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
    mistakes_.add_unreadable(error.at(input.span));
    mistakes_.distrust_alias(alias);
    return {StateDict(input.path), {}};
  }
}

Models::Opened Models::read(const std::string& alias, const std::string& path) {
  Opened result;
  if (const auto saved = state_.saved.find(canonical_path(env_, path)); saved != state_.saved.end()) {
    static_cast<SideContent&>(result.beside) = saved->second;
    result.names = reopened(saved->second.names, path);
  } else {
    auto [input, tensors] = checkpoints_.open(alias, path);
    result.beside.metadata = input->checkpoint.metadata;
    result.beside.format = input->checkpoint.format;
    result.beside.extras = input->checkpoint.extras;
    result.beside.folder = input;
    result.beside.input = std::move(input);
    result.names = names_of(std::move(tensors), path);
  }
  result.beside.ties = recorded_ties(result.beside.metadata, result.names);
  result.beside.opened = std::make_shared<const StateDict>(result.names);
  return result;
}

const StateDict& Models::names(const std::string& alias, std::string_view step) {
  if (const StateDict* names = state_.models.workspace.find(alias)) return *names;
  if (!open(alias)) require_known(alias, step);
  return *state_.models.workspace.find(alias);
}

const StateDict* Models::opened_input(const std::string& alias) const {
  const auto opened = inputs_.find(alias);
  return opened == inputs_.end() ? nullptr : &opened->second.names;
}

const Model& Models::beside(const std::string& alias) const {
  static const Model kNothing;
  const auto found = state_.models.beside.find(alias);
  return found == state_.models.beside.end() ? kNothing : found->second;
}

ModelContent Models::content(const std::string& alias, StateDict names) const {
  return {beside(alias), std::move(names)};
}

// What stays when a dry run is over.
template <typename Change>
void Models::change_tables(const Change& change) {
  change(state_.models);
  if (state_.before_dry_run) change(*state_.before_dry_run);
}

void Models::add(const std::string& alias, const Opened& model) {
  change_tables([&](ModelTable& table) {
    table.workspace.add(alias, model.names);
    table.beside.insert_or_assign(alias, model.beside);
  });
}

void Models::remove(const std::string& alias) {
  if (state_.pending.erase(alias) > 0) return;
  change_tables([&](ModelTable& table) {
    if (table.workspace.find(alias) != nullptr) table.workspace.erase(alias);
    table.beside.erase(alias);
  });
}

void Models::rename(const std::string& from, const std::string& to) {
  if (auto input = state_.pending.extract(from); !input.empty()) {
    input.key() = to;
    input.mapped().alias = to;
    state_.pending.insert(std::move(input));
    return;
  }
  change_tables([&](ModelTable& table) {
    if (table.workspace.find(from) != nullptr) table.workspace.rename(from, to);
    if (auto beside = table.beside.extract(from); !beside.empty()) {
      beside.key() = to;
      table.beside.insert(std::move(beside));
    }
  });
}

}  // namespace brainsurgery
