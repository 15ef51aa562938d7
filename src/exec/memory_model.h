// Predicts how much memory performing a plan takes.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/executor.h"

namespace brainsurgery {

// Bytes that become resident while the stages of one file are performed by so many threads, beside what the process
// holds before. `in_files`: by buffer, those that the Scheduler spilled; they count where a dense operation maps them.
[[nodiscard]] std::int64_t predicted_growth(const PhysicalPlan& plan, const std::vector<Stage>& stages,
                                            const std::vector<bool>& in_files, const ExecOptions& options, int threads);

// The same while the numbers of a plan are made.
[[nodiscard]] std::int64_t predicted_growth(const ValuePlan& plan, const ExecOptions& options, int threads);

}  // namespace brainsurgery
