// The buffers of outputs that share a compiler, of a check or of a reduction, while an Executor performs them.
#pragma once

#include <vector>

#include "exec/executor.h"

namespace brainsurgery {

struct Executor::Run {
  explicit Run(const std::vector<Materialization>& all) : materializations(all) { places.buffers.resize(all.size()); }
  const std::vector<Materialization>& materializations;
  Places places;
  bool looks = false;  // what passes over tensors read counts as progress
};

}  // namespace brainsurgery
