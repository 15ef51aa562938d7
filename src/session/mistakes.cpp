#include "session/mistakes.h"

#include "base/interrupt.h"

namespace brainsurgery {

void Mistakes::report(const Error& error, const std::vector<NameSet>& looked_at, const StepBinding& step) const {
  throw_if_interrupted();
  if (error.code() != ErrorCode::plan) throw error.at(step.step.span);
  if (!touch(looked_at)) step.diagnostics.add(error.at(step.step.span));
}

void Mistakes::report_trouble(const Error& error, const StepBinding& step) {
  throw_if_interrupted();
  if (error.code() == ErrorCode::run) {
    add_unreadable(error.at(step.step.span));
  } else {
    report(error, step.looked_at, step);
  }
}

void Mistakes::rewind(Mark mark) {
  taints_ = std::move(mark.taints);
  unreadable_.erase(unreadable_.begin() + static_cast<std::ptrdiff_t>(mark.unreadable), unreadable_.end());
}

}  // namespace brainsurgery
