#include "session/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/scoped_value.h"
#include "base/spelling.h"
#include "plan/hints.h"
#include "plan/match_names.h"
#include "recipes/likeness.h"
#include "session/plan_targets.h"
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

// So many mistakes are explained by trying patterns, which takes a while over 100,000 names.
constexpr int kExplained = 8;

Expr expression_of(TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return unreadable(std::move(tensor.desc), std::move(tensor.unreadable));
  return source(std::move(tensor.file), tensor.offset, std::move(tensor.desc), std::move(tensor.strides));
}

}  // namespace

Binder::Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan,
               const SessionOptions& options, bool may_recover)
    : env_(env),
      registries_(registries),
      events_(events),
      plan_(plan),
      options_(options),
      checkpoints_(env, registries.formats, events, options.threads, [this, may_recover] {
        return may_recover && !state_.flags.dry_run ? targets() : std::vector<std::string>();
      }) {
  for (const PlanInput& input : plan.inputs) state_.pending.emplace(input.alias, input);
  set_flags({options.dry_run, options.preview, options.verbose});
}

std::vector<std::string> Binder::targets() {
  return plan_targets(plan_, registries_, [this](const std::string& path) { return read_text(path); });
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
    const auto opened = inputs_.find(alias);
    if (opened == inputs_.end()) {
      names = open_model(alias, input.path, origin);
      inputs_.emplace(alias, OpenedInput{names, origin});
    } else {
      names = opened->second.names;
      origin = opened->second.origin;
    }
  } catch (const Error& error) {
    throw_if_interrupted();
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
  if (const auto saved = state_.saved.find(canonical_path(env_, path)); saved != state_.saved.end()) {
    for (const auto& [name, tensor] : saved->second.names.in_key_order())
      names.put(std::string(name), tensor->expr, tensor->storage);
    origin.metadata = saved->second.metadata;
    origin.ties = recorded_ties(origin.metadata, names);
    origin.format = saved->second.format;
    origin.extras = saved->second.extras;
    origin.folder = saved->second.folder;
    origin.opened = std::make_shared<const StateDict>(names);
    origin.documents = saved->second.documents;
    return names;
  }
  auto [input, tensors] = checkpoints_.open(alias, path);
  origin.metadata = input->checkpoint.metadata;
  origin.format = input->checkpoint.format;
  origin.extras = input->checkpoint.extras;
  origin.folder = input;
  origin.input = std::move(input);
  const auto shared = shared_storages(tensors);
  for (TensorEntry& tensor : tensors) {
    throw_if_interrupted();
    std::optional<SharedStorage> storage;
    if (tensor.storage && shared.contains({tensor.file.get(), tensor.storage->begin}))
      storage = SharedStorage{tensor.file.get(), tensor.storage->begin, tensor.storage->size};
    Expr expr = expression_of(tensor);
    names.put(std::move(tensor.name), std::move(expr), storage);
  }
  origin.ties = recorded_ties(origin.metadata, names);
  origin.opened = std::make_shared<const StateDict>(names);
  return names;
}

void Binder::change_aliases(const std::function<void(Workspace&)>& change) {
  change(state_.workspace);
  if (state_.before_dry_run) change(*state_.before_dry_run);
}

bool Binder::bind(const PreparedStep& step, const StepPlace& place, Diagnostics& diagnostics) {
  const ScopedValue current(current_, Current{&step, place, &diagnostics});
  const bool previewed = state_.flags.preview;
  std::optional<PlanState> before;
  if (previewed) before = state_;
  const std::size_t first_effect = effects_.size();
  if (previewed) print("");  // the preview's place
  const int errors = diagnostics.error_count();
  const std::size_t unreadable = unreadable_.size();
  std::visit([&](const auto& action) { bind_action(action); }, step.step->action);
  bool done = diagnostics.error_count() == errors && unreadable_.size() == unreadable;
  if (done && previewed) done = preview(*std::move(before), first_effect);
  if (done && !executing_) {
    executed_.push_back({&step.step->schema, step.payload, step.default_alias, std::move(current_.seeded)});
  }
  return done;
}

void Binder::rewind(Mark mark) {
  state_ = std::move(mark.state);
  taints_ = std::move(mark.taints);
  effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(mark.effects), effects_.end());
  executed_.erase(executed_.begin() + static_cast<std::ptrdiff_t>(mark.executed), executed_.end());
  unreadable_.erase(unreadable_.begin() + static_cast<std::ptrdiff_t>(mark.unreadable), unreadable_.end());
  static_cast<void>(take_preview_totals());  // of what is not complete there are none
}

Binder::Cut Binder::cut(const Mark& mark) {
  Cut result{std::move(state_), std::move(taints_), {}, {}};
  const auto effects = effects_.begin() + static_cast<std::ptrdiff_t>(mark.effects);
  const auto executed = executed_.begin() + static_cast<std::ptrdiff_t>(mark.executed);
  result.effects.assign(std::move_iterator(effects), std::move_iterator(effects_.end()));
  result.executed.assign(std::move_iterator(executed), std::move_iterator(executed_.end()));
  rewind(mark);
  return result;
}

void Binder::put_back(Cut cut) {
  state_ = std::move(cut.state);
  taints_ = std::move(cut.taints);
  std::ranges::move(cut.effects, std::back_inserter(effects_));
  std::ranges::move(cut.executed, std::back_inserter(executed_));
}

const StateDict* Binder::opened_input(const std::string& alias) const {
  const auto opened = inputs_.find(alias);
  return opened == inputs_.end() ? nullptr : &opened->second.names;
}

void Binder::report_mistake(const Error& error, const std::vector<NameSet>& looked_at) {
  throw_if_interrupted();
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

Expr Binder::sliced(const Expr& expr, const TensorRef& ref, const std::string& alias, const std::string& name) {
  if (!ref.slice) return expr;
  require_readable(expr, label_of(alias, name));
  return brainsurgery::slice(expr, region_of(ref, expr.shape(), alias, name));
}

Region Binder::region_of(const TensorRef& ref, const Shape& shape, const std::string& alias, const std::string& name) {
  try {
    Region region = brainsurgery::select(*ref.slice, shape);
    warn_of_clipping(ref, region, shape, label_of(alias, name));
    return region;
  } catch (const Error& error) {
    throw error.at(ref.span).with_note("in " + label_of(alias, name));
  }
}

// Once for a reference, however many names it matches.
void Binder::warn_of_clipping(const TensorRef& ref, const Region& region, const Shape& shape,
                              const std::string& label) {
  const std::optional<std::size_t> dimension = clipped_dimension(*ref.slice, shape);
  if (!dimension || !current_.clipped.insert(&ref).second) return;
  const bool is_outside = region.axes[*dimension].count == 0;
  events_.on(events::Warning{
      {Severity::warning,
       ref.span,
       fmt::format("slice '{}' {}: dimension {} of {} has size {}", ref.slice->text,
                   is_outside ? "selects nothing" : "is cut off", *dimension, label, shape[*dimension]),
       {}}});
}

Error Binder::no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const {
  const StateDict* names = state_.workspace.find(alias);
  const std::string place = names == nullptr || names->path().empty() ? "" : fmt::format(" in '{}'", names->path());
  std::vector<std::string> notes;
  if (!ref.structured && !current_.follows_from_mistake) {
    notes = nearest_names(unescaped(ref.expr), alias);
    if (current_.diagnostics->error_count() < kExplained) {
      notes = unmatched_notes(ref.expr, std::move(notes),
                              [&](const std::string& regex) { return any_match(regex, alias); });
    }
  }
  if (ref.structured && !ref.expr.empty() && !current_.follows_from_mistake) notes = nearest_names(ref.expr, alias);
  if (names != nullptr && !current_.follows_from_mistake && current_.diagnostics->error_count() < kExplained)
    std::ranges::move(likeness_of(alias, ref.text), std::back_inserter(notes));
  if (names != nullptr && names->names().empty()) notes.push_back(fmt::format("'{}' holds no tensor", alias));
  return Error(ErrorCode::plan,
               fmt::format("{}{}no tensor matches '{}'{}", where, where.empty() ? "" : ": ", describe(ref), place),
               ref.span, std::move(notes));
}

std::vector<std::string> Binder::likeness_of(const std::string& alias, const std::string& wanted) const {
  const std::string path = state_.workspace.find(alias)->path();
  return likeness_notes({[&](const std::string& regex) { return any_match(regex, alias); },
                         [&](const std::string& regex) { return NamePattern::compile_regex(regex, "").match(path).has_value(); }},
                        unescaped(wanted));
}

Error Binder::missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                      const std::string& name) const {
  std::vector<std::string> notes = group_notes(ref);
  if (notes.empty() && !current_.follows_from_mistake) notes = nearest_names(name, alias);
  return Error(ErrorCode::plan, fmt::format("{}: tensor does not exist: {}", where, label_of(alias, name)), ref.span,
               std::move(notes));
}

bool Binder::any_match(const std::string& regex, const std::string& alias) const {
  const StateDict* names = state_.workspace.find(alias);
  if (names == nullptr) return false;
  try {
    const NamePattern pattern = NamePattern::compile_regex(regex, "");
    MatchBudget budget;
    return !pattern.backtracks() && any_match_in(pattern, names->names(), budget);
  } catch (const Error&) {
    throw_if_interrupted();
    return false;
  }
}

std::vector<std::string> Binder::nearest_names(const std::string& wanted, const std::string& alias) const {
  const StateDict* names = state_.workspace.find(alias);
  if (names == nullptr) return {};
  NearestNames near(wanted, 3);
  for (const auto& [name, tensor] : names->names()) {
    throw_if_interrupted();
    near.offer(name);
  }
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  return notes;
}

}  // namespace brainsurgery
