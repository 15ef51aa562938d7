#include "session/scope_binder.h"

namespace brainsurgery {

void ScopeBinder::bind(const Condition& condition, const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) bind(condition, part->spec.get());
}

void ScopeBinder::bind(const Condition& condition, const void* spec) {
  try {
    CheckPtr check = condition.bind(spec, scope_);
    // Decides what headers can tell, and throws a mistake that is reached whatever the data are.
    const std::optional<Verdict> verdict = decide(*check);
    if (verdict && !verdict->pass && mistakes_.touch(step_.looked_at)) return;
    step_.add_effect(
        CheckEffect{std::move(check), step_.flags.verbose ? step_.announcement(step_.name() + ": ok") : ""});
  } catch (const Error& error) {
    mistakes_.report(error, step_.looked_at, step_);
  }
}

void ScopeBinder::bind(const Query& query, const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) {
    try {
      query.bind(part->spec.get(), scope_);
    } catch (const Error& error) {
      mistakes_.report_trouble(error, step_);
      return;
    }
  }
}

void ScopeBinder::bind(const Control& control, const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) {
    try {
      control.bind(part->spec.get(), scope_);
    } catch (const Error& error) {
      mistakes_.report_trouble(error, step_);
      distrust_introduced(control, part->spec.get());
      return;
    }
    if (state_.exited) return;
  }
}

// Later steps may use what the step should have opened.
void ScopeBinder::distrust_introduced(const Control& control, const void* spec) {
  if (control.introduces == nullptr) return;
  const std::string alias = control.introduces(spec, step_.step.default_alias);
  if (alias.empty()) return;
  if (!models_.exists(alias)) models_.add(alias, {});
  mistakes_.distrust_alias(alias);
}

}  // namespace brainsurgery
