#include "session/binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/spelling.h"
#include "plan/match_names.h"
#include "session/seed.h"

namespace brainsurgery {
namespace {

std::string label_of(const std::string& alias, const std::string& name) { return alias + "::" + name; }

// The storages that more than one tensor of the checkpoint is a view of.
std::set<std::pair<const ReadableFile*, std::int64_t>> shared_storages(const Checkpoint& checkpoint) {
  std::set<std::pair<const ReadableFile*, std::int64_t>> seen, shared;
  for (const TensorEntry& tensor : checkpoint.tensors) {
    if (!tensor.storage) continue;
    const std::pair key(tensor.file.get(), tensor.storage->begin);
    if (!seen.insert(key).second) shared.insert(key);
  }
  return shared;
}

// The alias that counts as changed when the output's is inferred.
const std::string& alias_worked_on(const PreparedEdit& edit) {
  const auto says = [&edit](bool Role::*flag) {
    return std::ranges::find_if(edit.refs, [flag](const PreparedRef& ref) { return ref.role.*flag; });
  };
  auto found = says(&Role::contributes);
  if (found == edit.refs.end()) found = says(&Role::writes);
  return found == edit.refs.end() ? edit.refs.front().alias : found->alias;
}

// A reference's text as a name might be spelt: escapes removed.
std::string unescaped(const std::string& expr) {
  std::string text;
  for (std::size_t i = 0; i < expr.size(); ++i) {
    if (expr[i] == '\\' && i + 1 < expr.size()) ++i;
    text += expr[i];
  }
  return text;
}

NameSet names_of_ref(const PreparedRef& ref) {
  NameSet names{ref.alias, "", false};
  if (ref.pattern) {
    names.prefix = ref.pattern->literal_prefix();
    names.whole = ref.pattern->is_literal();
  } else if (!ref.ref->structured) {
    names.prefix = ref.ref->expr.substr(0, ref.expansion ? ref.ref->expr.find('\\') : std::string::npos);
    names.whole = !ref.expansion || ref.expansion->is_constant();
  }
  return names;
}

std::vector<NameSet> touched_by(const PreparedEdit& edit) {
  std::vector<NameSet> result;
  for (const PreparedRef& ref : edit.refs) result.push_back(names_of_ref(ref));
  return result;
}

const Schema* schema_of(const PreparedStep& step) {
  if (const auto* edit = std::get_if<PreparedEdit>(&step.action)) return &edit->edit->schema;
  if (const auto* command = std::get_if<PreparedCommand>(&step.action)) return &command->command->schema;
  return nullptr;
}

}  // namespace

Binder::Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan,
               const SessionOptions& options, bool may_recover)
    : env_(env),
      registries_(registries),
      events_(events),
      plan_(plan),
      options_(options),
      checkpoints_(env, registries.formats, events, plan, may_recover) {
  for (const PlanInput& input : plan.inputs) state_.pending.emplace(input.alias, input);
  set_flags({options.dry_run, options.preview, options.verbose});
}

bool Binder::open(const std::string& alias) {
  if (state_.workspace.find(alias) != nullptr) return true;
  const auto pending = state_.pending.find(alias);
  if (pending == state_.pending.end()) {
    // A plan without inputs has one model to begin with, which is empty.
    if (!plan_.inputs.empty() || alias != kImplicitAlias) return false;
    change_aliases([&](Workspace& workspace) { workspace.add(alias, StateDict()); });
    return true;
  }
  const PlanInput input = pending->second;
  state_.pending.erase(pending);
  StateDict names(input.path);
  Origin origin;
  try {
    names = open_model(alias, input.path, origin);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    unreadable_.push_back(error.at(input.span));
    taints_.add_alias(alias);
  }
  change_aliases([&](Workspace& workspace) { workspace.add(alias, names); });
  state_.origins.insert_or_assign(alias, std::move(origin));
  return true;
}

StateDict Binder::open_model(const std::string& alias, const std::string& path, Origin& origin) {
  StateDict names(path);
  if (const auto saved = state_.saved.find(canonical_path(path)); saved != state_.saved.end()) {
    for (const auto& [name, tensor] : saved->second.names.in_key_order())
      names.put(name, tensor->expr, tensor->storage);
    origin.metadata = saved->second.metadata;
    origin.format = saved->second.format;
    return names;
  }
  origin.checkpoint = checkpoints_.open(alias, path);
  origin.metadata = origin.checkpoint->metadata;
  origin.format = origin.checkpoint->format;
  const auto shared = shared_storages(*origin.checkpoint);
  for (const TensorEntry& tensor : origin.checkpoint->tensors) {
    std::optional<SharedStorage> storage;
    if (tensor.storage && shared.contains({tensor.file.get(), tensor.storage->begin}))
      storage = SharedStorage{tensor.file.get(), tensor.storage->begin, tensor.storage->size};
    names.put(tensor.name, source(tensor.file, tensor.offset, tensor.desc, tensor.strides), storage);
  }
  return names;
}

void Binder::change_aliases(const std::function<void(Workspace&)>& change) {
  change(state_.workspace);
  if (state_.before_dry_run) change(*state_.before_dry_run);
}

bool Binder::bind(const PreparedStep& step, const StepPlace& place, Diagnostics& diagnostics) {
  const Current outer = std::exchange(current_, Current{&step, place, &diagnostics});
  const bool previewed = state_.flags.preview;
  std::optional<PlanState> before;
  if (previewed) before = state_;
  const std::size_t first_effect = effects_.size();
  if (previewed) print("");  // the preview's place
  const int errors = diagnostics.error_count();
  const std::size_t unreadable = unreadable_.size();
  std::visit(
      [&](const auto& action) {
        using Action = std::decay_t<decltype(action)>;
        if constexpr (std::is_same_v<Action, PreparedEdit>) bind_edit(step, action);
        if constexpr (std::is_same_v<Action, Assertion>) bind_assertion(step, action);
        if constexpr (std::is_same_v<Action, PreparedCommand>) bind_command(step, action);
      },
      step.action);
  bool done = diagnostics.error_count() == errors && unreadable_.size() == unreadable;
  if (done && previewed) done = preview(*std::move(before), first_effect);
  if (done && !executing_) {
    executed_.push_back({step.name, step.payload, schema_of(step), step.default_alias, std::move(current_.seeded)});
  }
  current_ = outer;
  return done;
}

void Binder::rewind(Mark mark) {
  state_ = std::move(mark.state);
  taints_ = std::move(mark.taints);
  effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(mark.effects), effects_.end());
  executed_.erase(executed_.begin() + static_cast<std::ptrdiff_t>(mark.executed), executed_.end());
  unreadable_.erase(unreadable_.begin() + static_cast<std::ptrdiff_t>(mark.unreadable), unreadable_.end());
  current_ = {};
  executing_ = false;
  static_cast<void>(take_preview_totals());  // of what is not complete there are none
}

void Binder::report_mistake(const Error& error, const std::vector<NameSet>& looked_at) {
  if (error.code() != ErrorCode::plan) throw error.at(current_.step->span);
  if (!taints_.touch(looked_at)) current_.diagnostics->add(error.at(current_.step->span));
}

const StateDict& Binder::names_of(const std::string& alias) {
  if (!open(alias)) require_known(alias);
  return *state_.workspace.find(alias);
}

void Binder::count(const std::string& alias, const std::string& name, std::int64_t reads, std::int64_t writes) {
  if (!state_.flags.dry_run) state_.workspace.at(alias).count(name, reads, writes);
}

void Binder::contribute(const std::string& alias) {
  (executing_ ? state_.contributing_inside : state_.contributing).insert(alias);
}

void Binder::count_created(const std::string& alias, const std::string& name) {
  if (state_.flags.dry_run) state_.workspace.at(alias).count(name, 0, -1);
}

void Binder::bind_edit(const PreparedStep& step, const PreparedEdit& edit) {
  const std::vector<NameSet> touched = touched_by(edit);
  current_.follows_from_mistake = taints_.touch(touched);
  try {
    const std::vector<Match> matches = resolve(edit);
    check_destinations(matches);
    for (const Match& match : matches) apply(step, edit, match);
    events::StepBound event{step.index, step.name, 0, 0, 0};
    for (const DeltaEntry& entry : current_.delta) {
      if (!state_.flags.dry_run) state_.changed.insert(entry.alias);
      event.created += entry.kind == DeltaEntry::Kind::created;
      event.changed += entry.kind == DeltaEntry::Kind::changed;
      event.deleted += entry.kind == DeltaEntry::Kind::deleted;
    }
    contribute(alias_worked_on(edit));
    events_.on(event);
  } catch (const Error& error) {
    report_mistake(error, touched);
    for (std::size_t i = 0; i < touched.size(); ++i) {
      // Writing values into a tensor changes nothing that binding looks at.
      const Role& role = edit.refs[i].role;
      if (role.removes || (role.writes && (edit.edit->rebinds || role.policy == Role::Policy::must_not_exist)))
        taints_.add(touched[i]);
    }
  }
}

std::vector<Binder::Match> Binder::resolve(const PreparedEdit& edit) {
  const PreparedRef& lead = edit.refs.front();
  std::vector<Match> matches;
  if (!lead.pattern || lead.role.single) {
    Match match;
    for (const PreparedRef& ref : edit.refs) match.push_back({&ref, ref.pattern ? single_match(ref) : ref.ref->expr});
    matches.push_back(std::move(match));
    return matches;
  }
  for_each_match(*lead.pattern, names_of(lead.alias).names(), [&](const auto& found, const Captures& captures) {
    Match match;
    for (const PreparedRef& ref : edit.refs)
      match.push_back({&ref, ref.expansion ? ref.expansion->expand(captures) : found->first});
    matches.push_back(std::move(match));
  });
  if (matches.empty()) throw no_match(lead.where, lead.alias, *lead.ref);
  return matches;
}

std::string Binder::single_match(const PreparedRef& ref) {
  std::vector<std::string> found;
  for_each_match(*ref.pattern, names_of(ref.alias).names(),
                 [&](const auto& at, const Captures&) { found.push_back(at->first); });
  if (found.empty()) throw no_match(ref.where, ref.alias, *ref.ref);
  if (found.size() > 1) {
    throw Error(
        ErrorCode::plan,
        fmt::format("{}: '{}' matches {} tensors, must match exactly one", ref.where, describe(*ref.ref), found.size()),
        ref.ref->span,
        {fmt::format("it matches '{}' and '{}'", found[0], found[1]),
         "a dot matches any character; write '\\.' for a dot"});
  }
  return found.front();
}

// All names are checked before the first tensor is touched.
void Binder::check_destinations(const std::vector<Match>& matches) {
  std::set<std::pair<std::string_view, std::string_view>> written;
  for (const Match& match : matches) {
    for (const Resolved& resolved : match) {
      const Role& role = resolved.ref->role;
      const std::string& alias = resolved.ref->alias;
      if (role.policy == Role::Policy::any && !role.writes) continue;
      const bool exists = names_of(alias).find(resolved.name) != nullptr;
      const std::string label = label_of(alias, resolved.name);
      if (resolved.name.empty()) {
        TensorRef full = *resolved.ref->ref;
        full.alias = alias;
        throw Error(ErrorCode::plan, fmt::format("{}: '{}' gives an empty name", resolved.ref->where, to_string(full)),
                    full.span);
      }
      if (role.policy == Role::Policy::must_exist && !exists)
        throw missing(resolved.ref->where, *resolved.ref->ref, alias, resolved.name);
      if (role.policy == Role::Policy::must_not_exist && exists) {
        throw Error(ErrorCode::plan, fmt::format("{}: destination already exists: {}", resolved.ref->where, label),
                    resolved.ref->ref->span);
      }
      if (role.writes && !written.emplace(alias, resolved.name).second) {
        throw Error(ErrorCode::plan,
                    fmt::format("{}: destination collision: {} is written twice", resolved.ref->where, label),
                    resolved.ref->ref->span);
      }
    }
  }
}

const Expr& Binder::expr_of(const Resolved& resolved) {
  const NamedTensor* tensor = names_of(resolved.ref->alias).find(resolved.name);
  BS_CHECK(tensor != nullptr);
  return tensor->expr;
}

Expr Binder::sliced(const Expr& expr, const TensorRef& ref, const std::string& label) const {
  return ref.slice ? brainsurgery::slice(expr, region_of(ref, expr.shape(), label)) : expr;
}

Region Binder::region_of(const TensorRef& ref, const Shape& shape, const std::string& label) const {
  try {
    return brainsurgery::select(*ref.slice, shape);
  } catch (const Error& error) {
    throw error.at(ref.span).with_note("in " + label);
  }
}

void Binder::apply(const PreparedStep& step, const PreparedEdit& edit, const Match& match) {
  EditMatch operands;
  std::vector<std::string> labels;
  const Resolved* first_target = nullptr;
  for (const Resolved& resolved : match) {
    const Role& role = resolved.ref->role;
    const std::string label = label_of(resolved.ref->alias, resolved.name);
    if (role.writes && first_target == nullptr) first_target = &resolved;
    if (role.reads) {
      operands.operands.push_back(
          {resolved.ref->alias, resolved.name, sliced(expr_of(resolved), *resolved.ref->ref, label)});
      labels.push_back(label);
    }
  }
  operands.seed = [&] {
    const std::uint64_t seed = derived_seed(step.index, first_target == nullptr ? "" : first_target->name);
    remember_seed(match, seed);
    return seed;
  };
  std::vector<Expr> results;
  try {
    results = edit.edit->lower(edit.spec.get(), operands);
    for (const Expr& result : results)
      static_cast<void>(byte_count(result.dtype(), result.shape()));  // it must be countable
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    const std::string tensors = labels.empty() ? label_of(first_target->ref->alias, first_target->name)
                                               : fmt::format("{}", fmt::join(labels, ", "));
    throw Error(ErrorCode::plan, fmt::format("{}: {} ({})", step.name, error.what(), tensors),
                match.front().ref->ref->span, error.diagnostics().front().notes);
  }
  for (const Resolved& resolved : match) {
    const Role& role = resolved.ref->role;
    if (edit.edit->renames || names_of(resolved.ref->alias).find(resolved.name) == nullptr) continue;
    if (role.reads || role.writes) count(resolved.ref->alias, resolved.name, role.reads ? 1 : 0, role.writes ? 1 : 0);
  }
  std::size_t next = 0;
  for (const Resolved& resolved : match) {
    if (resolved.ref->role.writes) write(edit, resolved, std::move(results.at(next++)), match);
  }
  for (const Resolved& resolved : match) {
    const auto replaces = [&resolved](const Resolved& other) {
      return other.ref->role.writes && other.ref->alias == resolved.ref->alias && other.name == resolved.name;
    };
    if (!resolved.ref->role.removes || std::ranges::any_of(match, replaces)) continue;
    StateDict& names = state_.workspace.at(resolved.ref->alias);
    if (names.find(resolved.name) != nullptr) names.erase(resolved.name);
    current_.delta.push_back({DeltaEntry::Kind::deleted, resolved.ref->alias, resolved.name, ""});
  }
  if (state_.flags.verbose) announce_edit(step, match);
}

void Binder::write(const PreparedEdit& edit, const Resolved& target, Expr value, const Match& match) {
  StateDict& names = state_.workspace.at(target.ref->alias);
  const std::optional<Slice>& slice = target.ref->ref->slice;
  if (names.find(target.name) == nullptr) {
    const PreparedRef& from = *match.front().ref;
    if (edit.edit->renames && from.alias == target.ref->alias) {
      names.rename(match.front().name, target.name);
    } else {
      const NamedTensor* moved = edit.edit->renames ? names_of(from.alias).find(match.front().name) : nullptr;
      names.put(target.name, std::move(value), moved == nullptr ? std::nullopt : moved->storage);
    }
    count_created(target.ref->alias, target.name);
    current_.delta.push_back({DeltaEntry::Kind::created, target.ref->alias, target.name, ""});
    return;
  }
  const Expr& before = expr_of(target);
  if (!edit.edit->rebinds) {
    const std::string label = label_of(target.ref->alias, target.name);
    const Region region = slice ? region_of(*target.ref->ref, before.shape(), label) : Region();
    const TensorDesc wanted{before.dtype(), slice ? region.shape() : before.shape()};
    if (value.desc() != wanted) {
      const bool shapes = value.shape() != wanted.shape;
      throw Error(
          ErrorCode::plan,
          fmt::format("{}: {} differ: {} is to be written to {}, which has {}", target.ref->where,
                      shapes ? "shapes" : "dtypes", shapes ? to_string(value.shape()) : to_string(value.dtype()), label,
                      shapes ? to_string(wanted.shape) : to_string(wanted.dtype)),
          target.ref->ref->span, {fmt::format("from {}", label_of(match.front().ref->alias, match.front().name))});
    }
    if (slice) value = overwrite(before, region, std::move(value));
  }
  warn_of_untying(target);
  names.put(target.name, std::move(value));
  current_.delta.push_back({DeltaEntry::Kind::changed, target.ref->alias, target.name, slice ? slice->text : ""});
}

// In PyTorch the write would change the partners too.
void Binder::warn_of_untying(const Resolved& target) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> partners = names_of(target.ref->alias).partners(target.name);
  if (partners.empty()) return;
  const std::size_t others = partners.size() - std::min(partners.size(), kNamed);
  partners.resize(partners.size() - others);
  events_.on(events::Warning{
      {Severity::warning,
       target.ref->ref->span,
       fmt::format(
           "{}: {} shares its storage with '{}'{}; it is written apart from now on, the others stay as they are",
           target.ref->where, label_of(target.ref->alias, target.name), fmt::join(partners, "', '"),
           others == 0 ? "" : fmt::format(" and {} more", others)),
       {}}});
}

Error Binder::no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const {
  const StateDict* names = state_.workspace.find(alias);
  const std::string place = names == nullptr || names->path().empty() ? "" : fmt::format(" in '{}'", names->path());
  std::vector<std::string> notes;
  if (!ref.structured && !current_.follows_from_mistake) notes = nearest_names(unescaped(ref.expr), alias);
  if (names != nullptr && names->names().empty()) notes.push_back(fmt::format("'{}' holds no tensor", alias));
  return Error(ErrorCode::plan,
               fmt::format("{}{}no tensor matches '{}'{}", where, where.empty() ? "" : ": ", describe(ref), place),
               ref.span, std::move(notes));
}

Error Binder::missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                      const std::string& name) const {
  return Error(ErrorCode::plan, fmt::format("{}: tensor does not exist: {}", where, label_of(alias, name)), ref.span,
               current_.follows_from_mistake ? std::vector<std::string>() : nearest_names(name, alias));
}

std::vector<std::string> Binder::nearest_names(const std::string& wanted, const std::string& alias) const {
  const StateDict* names = state_.workspace.find(alias);
  if (names == nullptr) return {};
  NearestNames near(wanted, 3);
  for (const auto& [name, tensor] : names->names()) near.offer(name);
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  return notes;
}

void Binder::remember_seed(const Match& match, std::uint64_t seed) {
  ExecutedStep::SeededMatch seeded{{}, seed};
  for (const Resolved& resolved : match) {
    TensorRef literal = *resolved.ref->ref;
    literal.alias = resolved.ref->alias;
    literal.structured = false;
    if (resolved.ref->pattern) literal.expr = literal_pattern(resolved.name);
    if (resolved.ref->expansion) literal.expr = literal_template(resolved.name);
    seeded.references.emplace_back(resolved.ref->field->name, to_string(literal));
  }
  current_.seeded.push_back(std::move(seeded));
}

// "copy: src -> dst", "add: a, b -> dst", "scale_: name", "concat: 2 tensors -> n"; a line for each of a list of
// targets.
void Binder::announce_edit(const PreparedStep& step, const Match& match) {
  std::vector<std::string> sources;
  std::vector<std::string> targets;
  bool many_sources = false;
  bool many_targets = false;
  for (const Resolved& resolved : match) {
    const bool writes = resolved.ref->role.writes;
    (writes ? targets : sources).push_back(resolved.name);
    (writes ? many_targets : many_sources) |= resolved.ref->field->takes_list;
  }
  const std::string from =
      many_sources ? fmt::format("{} tensors", sources.size()) : fmt::format("{}", fmt::join(sources, ", "));
  if (!many_targets) targets = {fmt::format("{}", fmt::join(targets, ", "))};
  for (const std::string& target : targets)
    announce(step.name + ": " + from + (from.empty() || target.empty() ? "" : " -> ") + target);
}

}  // namespace brainsurgery
