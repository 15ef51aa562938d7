// How a plan would be performed, as text.
#pragma once

#include <string>

#include "session/output.h"

namespace brainsurgery {

// `output` may be null.
[[nodiscard]] std::string explain_plan(const Plan& plan, const Binder& binder, const BoundOutput* output);

}  // namespace brainsurgery
