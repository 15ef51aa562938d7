// How a plan would be performed, as text.
#pragma once

#include <cstdint>
#include <string>

#include "session/run_plan.h"

namespace brainsurgery {

class Binder;

// `output` may be null. `options`: with resources. `peak_bytes`: of resident memory, predicted.
[[nodiscard]] std::string explain_plan(const Plan& plan, const Binder& binder, const RunPlan& run,
                                       const BoundOutput* output, const SessionOptions& options,
                                       std::int64_t peak_bytes);

}  // namespace brainsurgery
