// How a plan would be performed, as text.
#pragma once

#include <cstdint>
#include <string>

#include "session/output.h"

namespace brainsurgery {

// `output` may be null. `peak_bytes`: of resident memory, predicted.
[[nodiscard]] std::string explain_plan(const Plan& plan, const Binder& binder, const BoundOutput* output,
                                       std::int64_t peak_bytes);

}  // namespace brainsurgery
