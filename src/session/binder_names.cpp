// Many names of a model changed at once.
#include <fmt/format.h>

#include "base/interrupt.h"
#include "session/binder.h"

namespace brainsurgery {
namespace {

using NameViews = std::set<std::string_view>;

NameViews given_up(const std::vector<NameChange>& changes) {
  NameViews names;
  for (const NameChange& change : changes) names.insert(change.from);
  return names;
}

// The new names. Throws Error(plan) where one is given twice, or is that of a tensor that keeps it.
NameViews checked_names(const std::vector<NameChange>& changes, const StateDict& before, const std::string& alias,
                        const std::string& step) {
  const NameViews sources = given_up(changes);
  NameViews names;
  for (const NameChange& change : changes) {
    for (const std::string& to : change.to) {
      const auto fail = [&](std::string_view problem) {
        throw Error(ErrorCode::plan, fmt::format("{}: {}", step, problem));
      };
      if (to.empty()) fail(fmt::format("{} would get an empty name", label_of(alias, change.from)));
      if (!names.insert(to).second)
        fail(fmt::format("destination collision: {} is written twice", label_of(alias, to)));
      if (before.find(to) != nullptr && !sources.contains(to))
        fail(fmt::format("destination already exists: {}", label_of(alias, to)));
    }
  }
  return names;
}

}  // namespace

void Binder::change_names(const std::string& alias, const std::vector<NameChange>& changes) {
  current_.looked_at.push_back({alias, "", false});
  give_names(alias, changes);
  mark_changed(alias);
  announce_changes();
}

bool Binder::exchanges(const std::vector<ResolvedRow>& rows) {
  return !rows.empty() && rows.front().names.back().ref->role.policy == Role::Policy::vacated;
}

// Of rows with one name that is given up and one that is taken.
void Binder::exchange_names(const std::vector<ResolvedRow>& rows) {
  std::map<std::string, std::map<std::string, NameChange>> changes;  // by alias, by old name
  for (const ResolvedRow& row : rows) {
    const Resolved& from = row.names.front();
    const Resolved& to = row.names.back();
    if (from.ref->alias != to.ref->alias) {
      throw Error(ErrorCode::plan, fmt::format("{}: names are exchanged within one model", to.ref->where),
                  to.ref->ref->span, {"move takes tensors from one model to another"});
    }
    NameChange& change = changes[from.ref->alias][from.name];
    change.from = from.name;
    change.to.push_back(to.name);
  }
  for (auto& [alias, by_name] : changes) {
    std::vector<NameChange> all;
    for (auto& [name, change] : by_name) all.push_back(std::move(change));
    give_names(alias, all);
  }
}

void Binder::give_names(const std::string& alias, const std::vector<NameChange>& changes) {
  const StateDict before = names_of(alias);  // copies share their blocks
  const NameViews names = checked_names(changes, before, alias, current_.step->name());
  StateDict& after = state_.workspace.at(alias);
  for (const NameChange& change : changes) {
    if (names.contains(change.from)) continue;
    after.erase(change.from);
    current_.delta.push_back({DeltaEntry::Kind::deleted, alias, change.from, ""});
  }
  for (const NameChange& change : changes) {
    throw_if_interrupted();
    const NamedTensor tensor = *before.find(change.from);
    for (const std::string& to : change.to) {
      if (to == change.from) continue;
      const bool is_new = before.find(to) == nullptr;
      after.put(to, tensor.expr, to == change.to.front() ? tensor.storage : std::nullopt);
      current_.delta.push_back({is_new ? DeltaEntry::Kind::created : DeltaEntry::Kind::changed, alias, to, ""});
    }
  }
}

}  // namespace brainsurgery
