#include "session/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "session/edit_binder.h"
#include "session/plan_targets.h"
#include "session/scope_binder.h"
#include "session/step_scope.h"

namespace brainsurgery {

Binder::Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan,
               const SessionOptions& options, bool may_recover)
    : env_(env),
      registries_(registries),
      events_(events),
      plan_(plan),
      options_(options),
      checkpoints_(env, registries.formats, events, options.threads,
                   [this, may_recover] {
                     return may_recover && !state_.flags.dry_run ? plan_targets(plan_, registries_, env_)
                                                                 : std::vector<std::string>();
                   }),
      models_(env, plan, checkpoints_, state_, mistakes_) {
  for (const PlanInput& input : plan.inputs) state_.pending.emplace(input.alias, input);
  state_.set_flags({options.dry_run, options.preview, options.verbose});
  end_planning();
}

void Binder::end_planning() { compiler_ = std::make_shared<Compiler>(CompileOptions{options_.fuse}); }

bool Binder::bind(const PreparedStep& step, const StepPlace& place, Diagnostics& diagnostics) {
  StepBinding binding{step, place, false, state_.flags, diagnostics, events_, effects_};
  if (!bind(binding)) return false;
  executed_.push_back({&step.step->schema, step.payload, step.default_alias, std::move(binding.seeded)});
  return true;
}

bool Binder::bind(StepBinding& step) {
  const int errors = step.diagnostics.error_count();
  const std::size_t unreadable = mistakes_.unreadable().size();
  const auto is_fine = [&] {
    return step.diagnostics.error_count() == errors && mistakes_.unreadable().size() == unreadable;
  };
  if (!state_.flags.preview) {
    bind_action(step);
    return is_fine();
  }
  PlanState before = state_;
  const std::size_t place = effects_.size();
  step.print("");  // the preview's place
  bind_action(step);
  if (!is_fine()) return false;
  auto [lines, done] = previews_.preview(step);
  std::get<PrintEffect>(effects_[place].what).text = std::move(lines);
  if (!done) {
    effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(place) + 1, effects_.end());
    state_ = std::move(before);
  }
  return done;
}

void Binder::bind_action(StepBinding& step) {
  const FormatRegistry& formats = registries_.formats;
  StepNames names(step, models_);
  const MissingNames missing(step, state_.models.workspace);
  ModelChanges changes(step, names, state_);
  ModelDocuments documents(env_, formats, step, models_, state_);
  LateParts late(env_, registries_, plan_, step, models_, documents);
  const std::vector<StepPartPtr>& parts = late.all();
  if (const auto* edit = std::get_if<Edit>(&step.step.step->action)) {
    RowFinder finder(step, names, missing, late);
    EditBinder(*edit, step, models_, mistakes_, names, missing, changes, finder).bind(parts);
    return;
  }
  StepFiles files(env_, formats, options_, compiler_, checkpoints_, step, models_, missing, changes, state_);
  const auto execute_inside = [&](const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) {
    execute(step, steps, std::move(default_alias));
  };
  StepScope scope(env_, registries_, step, models_, names, missing, changes, documents, files, state_, execute_inside);
  ScopeBinder binder(step, scope, models_, mistakes_, state_);
  const auto& action = step.step.step->action;
  if (const auto* condition = std::get_if<Condition>(&action)) binder.bind(*condition, parts);
  if (const auto* query = std::get_if<Query>(&action)) binder.bind(*query, parts);
  if (const auto* control = std::get_if<Control>(&action)) binder.bind(*control, parts);
}

// Nothing is done of steps that cannot all be read.
void Binder::execute(StepBinding& outer, const std::vector<PlanStep>& steps,
                     std::optional<std::string> default_alias) {
  const std::vector<std::string> known = models_.aliases();
  if (!default_alias && known.size() == 1) default_alias = known.front();
  StepDecoder decoder(registries_, default_alias, {known.begin(), known.end()});
  const int errors = outer.diagnostics.error_count();
  std::vector<PreparedStep> prepared;
  for (std::size_t i = 0; i < steps.size() && !decoder.lost_aliases(); ++i) {
    Diagnostics mistakes;
    if (std::optional<PreparedStep> step = decoder.decode(steps[i], static_cast<int>(i), mistakes))
      prepared.push_back(*std::move(step));
    for (Diagnostic item : mistakes.items()) {
      item.notes.push_back(fmt::format("in step #{} of this {}", i, outer.name()));
      outer.diagnostics.add(std::move(item));
    }
  }
  if (outer.diagnostics.error_count() > errors) return;
  int done = 0;
  for (const PreparedStep& step : prepared) {
    if (state_.exited) break;
    const StepPlace place{step.index + 1, static_cast<int>(prepared.size())};
    StepBinding inner{step, place, true, state_.flags, outer.diagnostics, events_, effects_};
    done += bind(inner) ? 1 : 0;
  }
  outer.announce(fmt::format("{}: executed {}/{}", outer.name(), done, prepared.size()));
}

void Binder::rewind(Mark mark) {
  state_ = std::move(mark.state);
  mistakes_.rewind(std::move(mark.mistakes));
  effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(mark.effects), effects_.end());
  executed_.erase(executed_.begin() + static_cast<std::ptrdiff_t>(mark.executed), executed_.end());
  static_cast<void>(previews_.take_totals());  // of what is not complete there are none
}

Binder::Cut Binder::cut(const Mark& mark) {
  Cut result{std::move(state_), mistakes_.taints(), {}, {}};
  const auto effects = effects_.begin() + static_cast<std::ptrdiff_t>(mark.effects);
  const auto executed = executed_.begin() + static_cast<std::ptrdiff_t>(mark.executed);
  result.effects.assign(std::move_iterator(effects), std::move_iterator(effects_.end()));
  result.executed.assign(std::move_iterator(executed), std::move_iterator(executed_.end()));
  rewind(mark);
  return result;
}

void Binder::put_back(Cut cut) {
  state_ = std::move(cut.state);
  mistakes_.put_back(std::move(cut.taints));
  std::ranges::move(cut.effects, std::back_inserter(effects_));
  std::ranges::move(cut.executed, std::back_inserter(executed_));
}

}  // namespace brainsurgery
