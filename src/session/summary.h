// The executed-plan summary: the steps that were done, as a plan.
#pragma once

#include <string>

#include "session/binder.h"

namespace brainsurgery {

// Empty for SummaryMode::none.
[[nodiscard]] std::string summary_text(SummaryMode mode, const Plan& plan, const Binder& binder);

}  // namespace brainsurgery
