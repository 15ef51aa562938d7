// Predicts how much memory performing a plan takes.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/executor.h"

namespace brainsurgery {

// Bytes that become resident while the stages of one file are performed by so many threads, beside what the process
// holds before. Spilled tensors count, as they are mapped: the system may take their pages, it need not.
[[nodiscard]] std::int64_t predicted_growth(const PhysicalPlan& plan, const std::vector<Stage>& stages,
                                            const ExecOptions& options, int threads);

}  // namespace brainsurgery
