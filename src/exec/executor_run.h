// The buffers of one output, check or reduction while an Executor performs it.
#pragma once

#include <vector>

#include "exec/executor.h"

namespace brainsurgery {

struct Executor::Run {
  explicit Run(const Executor& executor, const std::vector<Materialization>& all)
      : materializations(all), memory(executor.options_.budget_bytes, executor.options_.spill_directory) {
    places.buffers.resize(all.size());
  }
  const std::vector<Materialization>& materializations;
  Places places;
  BufferPool memory;
};

}  // namespace brainsurgery
