#include "session/interactive_run.h"

#include "base/interrupt.h"
#include "base/text.h"
#include "plan/submission.h"

namespace brainsurgery {

InteractiveRun::Impl::Impl(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options,
                           const PlanSource& source, Confirm confirm)
    : registries_(registries),
      events_(events),
      cancellation_(options.cancellation),
      run_(env, registries, events, options, PlanRun::Purpose::perform) {
  run_.start(source);
  next_step_ = static_cast<int>(run_.plan().steps.size());
  run_.binder().ask(std::move(confirm));
}

StepDecoder InteractiveRun::Impl::decoder() const {
  const std::vector<std::string> known = run_.binder().aliases();
  return plan_decoder(run_.plan(), registries_, {known.begin(), known.end()});
}

bool InteractiveRun::Impl::wants_more(std::string_view lines) const {
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  const std::size_t last = lines.rfind('\n');
  if (trim(last == std::string_view::npos ? lines : lines.substr(last + 1)).empty()) return false;
  if (last != std::string_view::npos) return true;
  const std::optional<PlanStep> step = step_of_line(lines);
  return !step || (trim(lines).ends_with(':') && step->payload->is_null() && needs_keys(*step));
}

// Whether there is such a command and it can do nothing without keys.
bool InteractiveRun::Impl::needs_keys(const PlanStep& step) const {
  if (registries_.steps.find(step.command) == nullptr) return false;
  Diagnostics diagnostics;
  return !decoder().decode(step, 0, diagnostics).has_value();
}

SubmissionReport InteractiveRun::Impl::submit(const std::shared_ptr<const SourceText>& text) {
  const std::vector<PlanStep> steps = parse_submission(text);
  StepDecoder decode = decoder();
  Diagnostics diagnostics;
  std::vector<PreparedStep> prepared;
  for (const PlanStep& step : steps) {
    if (diagnostics.enough() || decode.lost_aliases()) break;
    const int index = next_step_ + static_cast<int>(prepared.size());
    if (std::optional<PreparedStep> ready = decode.decode(step, index, diagnostics))
      prepared.push_back(*std::move(ready));
  }
  diagnostics.throw_if_errors();
  for (const Diagnostic& warning : diagnostics.items()) events_.on(events::Warning{warning});

  SubmissionReport report;
  next_step_ += static_cast<int>(prepared.size());
  for (std::size_t i = 0; i < prepared.size() && !ended(); ++i) {
    throw_if_interrupted();
    const StepPlace place{static_cast<int>(i) + 1, static_cast<int>(prepared.size())};
    if (run_.do_step(prepared[i], place)) ++report.steps;
  }
  run_.print_preview_totals();
  return report;
}

RunReport InteractiveRun::Impl::finish() {
  run_.finish();
  return run_.report();
}

std::vector<std::string> InteractiveRun::Impl::names(const std::string& alias, std::string_view prefix) {
  std::vector<std::string> result;
  if (!run_.look_into(alias)) return result;
  const StateDict::Names& names = run_.binder().state().workspace.find(alias)->names();
  for (auto at = names.lower_bound(prefix); at != names.end() && at->first.starts_with(prefix); ++at)
    result.push_back(at->first);
  return result;
}

}  // namespace brainsurgery
