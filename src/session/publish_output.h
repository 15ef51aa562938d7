// The second pass of an output: writes its files beside their place and publishes them.
#pragma once

#include "brainsurgery/events.h"
#include "exec/executor.h"
#include "session/output.h"

namespace brainsurgery {

// Throws Error(run) and leaves what was there. `inputs`: compared with what they were when they were opened, before
// anything is published.
void publish_output(Env& env, const BoundOutput& output, Executor& executor,
                    const std::map<std::string, Checkpoint>& inputs, const SessionOptions& options, EventSink& events);

}  // namespace brainsurgery
