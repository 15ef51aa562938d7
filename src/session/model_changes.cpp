#include "session/model_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/interrupt.h"

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

void ModelChanges::record(DeltaEntry::Kind kind, const std::string& alias, const std::string& name,
                          const std::string& region) {
  step_.delta.push_back({kind, alias, name, region});
}

// A dry run takes the one write back that a new tensor begins with.
void ModelChanges::record_created(const std::string& alias, const std::string& name) {
  if (state_.flags.dry_run) state_.models.workspace.at(alias).count(name, 0, -1);
  record(DeltaEntry::Kind::created, alias, name);
}

void ModelChanges::begin(const std::string& alias) { state_.models.workspace.add(alias, StateDict()); }

void ModelChanges::create(const std::string& alias, const std::string& name, Expr value) {
  state_.models.workspace.at(alias).put(name, std::move(value));
  record_created(alias, name);
}

void ModelChanges::put(const std::string& alias, const std::string& name, Expr value) {
  if (is_new(value)) sign(value, step_.maker_of(label_of(alias, name)));
  if (names_.of(alias).find(name) == nullptr) return create(alias, name, std::move(value));
  state_.models.workspace.at(alias).put(name, std::move(value));
  count(alias, name, 0, 1);
  record(DeltaEntry::Kind::changed, alias, name);
}

void ModelChanges::write(const ResolvedName& target, Expr value, const ResolvedRow& row) {
  if (names_.of(target.alias()).find(target.name) == nullptr)
    return create_result(target, std::move(value), row.names.front());
  const std::optional<Slice>& slice = target.written().slice;
  if (slice || !target.ref->role.replaces)
    value = with_part(target, names_.tensor(target.alias(), target.name), std::move(value), row);
  warn_of_untying(target);
  state_.models.workspace.at(target.alias()).put(target.name, std::move(value));
  record(DeltaEntry::Kind::changed, target.alias(), target.name, slice ? slice->text : "");
}

void ModelChanges::create_result(const ResolvedName& target, Expr value, const ResolvedName& from) {
  StateDict& names = state_.models.workspace.at(target.alias());
  const bool renames = target.ref->role.renames;
  if (renames && from.alias() == target.alias()) {
    names.rename(from.name, target.name);
  } else {
    const NamedTensor* moved = renames ? names_.of(from.alias()).find(from.name) : nullptr;
    names.put(target.name, std::move(value), moved == nullptr ? std::nullopt : moved->storage);
  }
  if (from.alias() != target.alias()) adopt_documents(target.alias(), from.alias());
  record_created(target.alias(), target.name);
}

// A model that the plan makes has the side files of the one that its first tensor came from.
void ModelChanges::adopt_documents(const std::string& alias, const std::string& from) {
  if (state_.flags.dry_run) return;
  Model& model = state_.models.beside[alias];
  const auto source = state_.models.beside.find(from);
  const bool has_own = model.input != nullptr || model.folder != nullptr || !model.documents.empty();
  if (has_own || source == state_.models.beside.end()) return;
  model.folder = source->second.folder;
  model.opened = source->second.opened;
  model.documents = source->second.documents;
}

// The tensor with the value in the place of its slice, or of all of it; both must be alike.
Expr ModelChanges::with_part(const ResolvedName& target, const Expr& before, Expr value, const ResolvedRow& row) {
  const std::string label = target.label();
  const std::string source = row.names.front().label();
  const TensorRef& ref = target.written();
  const Region region = ref.slice ? names_.region(ref, before.shape(), target.alias(), target.name) : Region();
  const TensorDesc wanted{before.dtype(), ref.slice ? region.shape() : before.shape()};
  if (value.desc() != wanted) {
    const bool shapes = value.shape() != wanted.shape;
    throw Error(ErrorCode::plan,
                fmt::format("{}: {} differ: the result has {}, {} has {}", target.ref->where,
                            shapes ? "shapes" : "dtypes", shapes ? to_string(value.shape()) : to_string(value.dtype()),
                            label, shapes ? to_string(wanted.shape) : to_string(wanted.dtype)),
                ref.span, {fmt::format("from {}", source)});
  }
  if (!ref.slice) return value;
  require_readable(before, label);
  require_readable(value, source);
  return overwrite(before, region, std::move(value));
}

// In PyTorch the write would change the partners too.
void ModelChanges::warn_of_untying(const ResolvedName& target) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> partners = names_.of(target.alias()).partners(target.name);
  if (partners.empty()) return;
  const std::size_t others = partners.size() - std::min(partners.size(), kNamed);
  partners.resize(partners.size() - others);
  step_.warn(target.written().span,
             fmt::format("{}: {} shares its storage with '{}'{}; from now on it is stored separately, the others keep "
                         "their values",
                         target.ref->where, target.label(), fmt::join(partners, "', '"),
                         others == 0 ? "" : fmt::format(" and {} more", others)));
}

void ModelChanges::remove(const ResolvedRow& row) {
  for (const ResolvedName& name : row.names) {
    const auto replaces = [&name](const ResolvedName& other) {
      return other.ref->role.writes && other.alias() == name.alias() && other.name == name.name;
    };
    if (!name.ref->role.removes || std::ranges::any_of(row.names, replaces)) continue;
    StateDict& names = state_.models.workspace.at(name.alias());
    if (names.find(name.name) != nullptr) names.erase(name.name);
    record(DeltaEntry::Kind::deleted, name.alias(), name.name);
  }
}

void ModelChanges::give_names(const std::string& alias, const std::vector<NameChange>& changes) {
  const StateDict before = names_.of(alias);  // copies share their blocks
  const NameViews names = checked_names(changes, before, alias, step_.name());
  StateDict& after = state_.models.workspace.at(alias);
  for (const NameChange& change : changes) {
    if (names.contains(change.from)) continue;
    after.erase(change.from);
    record(DeltaEntry::Kind::deleted, alias, change.from);
  }
  for (const NameChange& change : changes) {
    throw_if_interrupted();
    const NamedTensor tensor = *before.find(change.from);
    for (const std::string& to : change.to) {
      if (to == change.from) continue;
      const bool is_new = before.find(to) == nullptr;
      after.put(to, tensor.expr, to == change.to.front() ? tensor.storage : std::nullopt);
      record(is_new ? DeltaEntry::Kind::created : DeltaEntry::Kind::changed, alias, to);
    }
  }
}

// What is renamed begins to count anew.
void ModelChanges::count_uses(const ResolvedRow& row) {
  if (std::ranges::any_of(row.names, [](const ResolvedName& name) { return name.ref->role.renames; })) return;
  for (const ResolvedName& name : row.names) {
    const Role& role = name.ref->role;
    if (names_.of(name.alias()).find(name.name) == nullptr) continue;
    if (role.reads || role.writes) count(name.alias(), name.name, role.reads ? 1 : 0, role.writes ? 1 : 0);
  }
}

AccessCounts ModelChanges::count(const std::string& alias, const std::string& name, std::int64_t reads,
                                 std::int64_t writes) {
  StateDict& names = state_.models.workspace.at(alias);
  return state_.flags.dry_run ? names.find(name)->counts : names.count(name, reads, writes);
}

void ModelChanges::contribute(const std::string& alias) {
  (step_.is_inside ? state_.contributing_inside : state_.contributing).insert(alias);
}

void ModelChanges::set_changed(const std::string& alias) {
  if (state_.flags.dry_run) return;
  Model& model = state_.models.beside[alias];
  model.changed = true;
  model.kept = false;
}

void ModelChanges::mark_changed(const std::string& alias) {
  contribute(alias);
  set_changed(alias);
}

void ModelChanges::mark_and_announce() {
  events::StepBound event{step_.step.index, step_.name(), 0, 0, 0};
  for (const DeltaEntry& entry : step_.delta) {
    set_changed(entry.alias);
    event.created += entry.kind == DeltaEntry::Kind::created;
    event.changed += entry.kind == DeltaEntry::Kind::changed;
    event.deleted += entry.kind == DeltaEntry::Kind::deleted;
  }
  step_.events.on(event);
}

}  // namespace brainsurgery
