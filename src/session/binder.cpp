#include "session/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/spelling.h"
#include "plan/match_names.h"
#include "publish/staged_directory.h"
#include "session/seed.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxTaints = 1000;

std::string label_of(const std::string& alias, const std::string& name) { return alias + "::" + name; }

std::vector<std::string> nearest_names(const std::string& wanted, const StateDict* names) {
  if (names == nullptr) return {};
  NearestNames near(wanted, 3);
  for (const auto& [name, tensor] : names->names()) near.offer(name);
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  return notes;
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

}  // namespace

Binder::Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan, Diagnostics& diagnostics,
               bool may_recover)
    : env_(env),
      registries_(registries),
      events_(events),
      plan_(plan),
      diagnostics_(diagnostics),
      may_recover_(may_recover) {
  if (!plan.inputs.empty()) return;
  workspace_.add(kImplicitAlias, StateDict());
  // With inputs that could not be read nobody knows what it should hold.
  if (diagnostics.has_errors()) taints_.push_back({kImplicitAlias, "", false, true});
}

bool Binder::open(const std::string& alias) {
  if (workspace_.find(alias) != nullptr) return true;
  const auto input = std::ranges::find(plan_.inputs, alias, &PlanInput::alias);
  if (input == plan_.inputs.end()) return false;
  try {
    workspace_.add(alias, read_input(*input));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    unreadable_.push_back(error.at(input->span));
    workspace_.add(alias, StateDict(input->path));
    taints_.push_back({alias, "", false, true});
  }
  return true;
}

StateDict Binder::read_input(const PlanInput& input) {
  finish_publication(input.path);
  Checkpoint checkpoint = open_checkpoint(env_, registries_.formats, input.path);
  StateDict names(input.path);
  std::int64_t bytes = 0;
  for (const TensorEntry& tensor : checkpoint.tensors) {
    bytes += byte_count(tensor.desc.dtype, tensor.desc.shape);
    names.put(tensor.name, source(tensor.file, tensor.offset, tensor.desc));
  }
  for (const std::string& warning : checkpoint.warnings)
    events_.on(events::Warning{{Severity::warning, {}, warning, {}}});
  events_.on(events::InputOpened{input.alias, input.path, std::ssize(checkpoint.tensors), bytes});
  checkpoints_.emplace(input.alias, std::move(checkpoint));
  return names;
}

// A killed run may have left an input half published. Finishing it changes files, and a stranger's folder may hold a
// journal of the stranger's: only a folder that the plan itself writes to is touched.
void Binder::finish_publication(const std::string& directory) {
  if (!env_.status((std::filesystem::path(directory) / kJournalName).string(), false)) return;
  std::error_code different;
  if (!plan_.output || !std::filesystem::equivalent(directory, plan_.output->path, different)) {
    throw Error(ErrorCode::run,
                fmt::format("a publication into '{}' was interrupted and has to be finished first", directory), {},
                {"run the plan that writes to it once more; reading a folder changes nothing in it"});
  }
  if (!may_recover_) {
    events_.on(events::Warning{
        {Severity::warning,
         {},
         fmt::format("a publication into '{}' was interrupted; a run will finish or undo it first", directory),
         {}}});
  } else if (!recover(env_, directory)) {
    throw Error(ErrorCode::run, fmt::format("another program is publishing into '{}' right now", directory), {},
                {"run again when it is done"});
  }
}

const StateDict& Binder::names_of(const std::string& alias) {
  BS_CHECK(open(alias));
  return *workspace_.find(alias);
}

void Binder::bind(const PreparedStep& step) {
  if (const auto* assertion = std::get_if<Assertion>(&step.action)) {
    bind_assertion(step, *assertion);
  } else {
    bind_edit(step, std::get<PreparedEdit>(step.action));
  }
}

void Binder::bind_edit(const PreparedStep& step, const PreparedEdit& edit) {
  const std::vector<Taint> touched = touched_by(edit);
  follows_from_mistake_ = may_follow_from_mistake(touched);
  try {
    const std::vector<Match> matches = resolve(edit);
    check_destinations(matches);
    Delta delta;
    for (const Match& match : matches) std::ranges::move(apply(step, edit, match), std::back_inserter(delta));
    events::StepBound event{step.index, step.command, 0, 0, 0};
    for (const DeltaEntry& entry : delta) {
      changed_.insert(entry.alias);
      event.created += entry.kind == DeltaEntry::Kind::created;
      event.changed += entry.kind == DeltaEntry::Kind::changed;
      event.deleted += entry.kind == DeltaEntry::Kind::deleted;
    }
    contributing_.insert(alias_worked_on(edit));
    events_.on(event);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::plan) throw error.at(step.span);
    if (!may_follow_from_mistake(touched)) diagnostics_.add(error.at(step.span));
    for (const Taint& taint : touched) {
      if (taint.changes) add_taint(taint);
    }
  }
}

void Binder::add_taint(Taint taint) {
  // Beyond some number nothing of the alias is certain any more; looking through all of them for every step would take
  // too long.
  if (taints_.size() >= kMaxTaints) {
    taint.prefix.clear();
    taint.whole = false;
  }
  if (std::ranges::find(taints_, taint) == taints_.end()) taints_.push_back(std::move(taint));
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

Delta Binder::apply(const PreparedStep& step, const PreparedEdit& edit, const Match& match) {
  Delta delta;
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
  operands.seed = derived_seed(step.index, first_target == nullptr ? "" : first_target->name);
  std::vector<Expr> results;
  try {
    results = edit.edit->lower(edit.spec.get(), operands);
    for (const Expr& result : results)
      static_cast<void>(byte_count(result.dtype(), result.shape()));  // it must be countable
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    const std::string tensors = labels.empty() ? label_of(first_target->ref->alias, first_target->name)
                                               : fmt::format("{}", fmt::join(labels, ", "));
    throw Error(ErrorCode::plan, fmt::format("{}: {} ({})", step.command, error.what(), tensors),
                match.front().ref->ref->span, error.diagnostics().front().notes);
  }
  for (const Resolved& resolved : match) {
    const Role& role = resolved.ref->role;
    StateDict& names = workspace_.at(resolved.ref->alias);
    if (edit.edit->renames || names.find(resolved.name) == nullptr) continue;
    if (role.reads || role.writes) names.count(resolved.name, role.reads ? 1 : 0, role.writes ? 1 : 0);
  }
  std::size_t next = 0;
  for (const Resolved& resolved : match) {
    if (resolved.ref->role.writes) write(edit, resolved, std::move(results.at(next++)), match, delta);
  }
  for (const Resolved& resolved : match) {
    const auto replaces = [&resolved](const Resolved& other) {
      return other.ref->role.writes && other.ref->alias == resolved.ref->alias && other.name == resolved.name;
    };
    if (!resolved.ref->role.removes || std::ranges::any_of(match, replaces)) continue;
    StateDict& names = workspace_.at(resolved.ref->alias);
    if (names.find(resolved.name) != nullptr) names.erase(resolved.name);
    delta.push_back({DeltaEntry::Kind::deleted, resolved.ref->alias, resolved.name, ""});
  }
  return delta;
}

void Binder::write(const PreparedEdit& edit, const Resolved& target, Expr value, const Match& match, Delta& delta) {
  StateDict& names = workspace_.at(target.ref->alias);
  const std::optional<Slice>& slice = target.ref->ref->slice;
  if (names.find(target.name) == nullptr) {
    const PreparedRef& from = *match.front().ref;
    if (edit.edit->renames && from.alias == target.ref->alias) {
      names.rename(match.front().name, target.name);
    } else {
      names.put(target.name, std::move(value));
    }
    delta.push_back({DeltaEntry::Kind::created, target.ref->alias, target.name, ""});
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
  names.put(target.name, std::move(value));
  delta.push_back({DeltaEntry::Kind::changed, target.ref->alias, target.name, slice ? slice->text : ""});
}

Error Binder::no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const {
  const StateDict* names = workspace_.find(alias);
  const std::string place = names == nullptr || names->path().empty() ? "" : fmt::format(" in '{}'", names->path());
  std::vector<std::string> notes;
  if (!ref.structured && !follows_from_mistake_) notes = nearest_names(unescaped(ref.expr), names);
  if (names != nullptr && names->names().empty()) notes.push_back(fmt::format("'{}' holds no tensor", alias));
  return Error(ErrorCode::plan,
               fmt::format("{}{}no tensor matches '{}'{}", where, where.empty() ? "" : ": ", describe(ref), place),
               ref.span, std::move(notes));
}

Error Binder::missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                      const std::string& name) const {
  return Error(ErrorCode::plan, fmt::format("{}: tensor does not exist: {}", where, label_of(alias, name)), ref.span,
               follows_from_mistake_ ? std::vector<std::string>() : nearest_names(name, workspace_.find(alias)));
}

std::vector<Binder::Taint> Binder::touched_by(const PreparedEdit& edit) const {
  std::vector<Taint> result;
  for (const PreparedRef& ref : edit.refs) {
    Taint taint{ref.alias, "", false, false};
    if (ref.pattern) {
      taint.prefix = ref.pattern->literal_prefix();
      taint.whole = ref.pattern->is_literal();
    } else if (!ref.ref->structured) {
      taint.prefix = ref.ref->expr.substr(0, ref.expansion ? ref.ref->expr.find('\\') : std::string::npos);
      taint.whole = !ref.expansion || ref.expansion->is_constant();
    }
    // Writing values into a tensor changes nothing that binding looks at.
    const Role& role = ref.role;
    taint.changes =
        role.removes || (role.writes && (edit.edit->rebinds || role.policy == Role::Policy::must_not_exist));
    result.push_back(std::move(taint));
  }
  return result;
}

bool Binder::may_follow_from_mistake(const std::vector<Taint>& touched) const {
  const auto covers = [](const Taint& a, const Taint& b) {
    return a.whole ? a.prefix == b.prefix : b.prefix.starts_with(a.prefix);
  };
  return std::ranges::any_of(touched, [&](const Taint& mine) {
    return std::ranges::any_of(taints_, [&](const Taint& taint) {
      return taint.alias == mine.alias && (covers(taint, mine) || covers(mine, taint));
    });
  });
}

}  // namespace brainsurgery
