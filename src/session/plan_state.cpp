#include "session/plan_state.h"

namespace brainsurgery {

void PlanState::set_flags(const PlanFlags& to) {
  if (to.dry_run && !flags.dry_run) before_dry_run = models;
  if (!to.dry_run && flags.dry_run) {
    models = *std::move(before_dry_run);
    before_dry_run.reset();
  }
  flags = to;
}

}  // namespace brainsurgery
