// What the options of a session mean for the executor.
#pragma once

#include "brainsurgery/session.h"
#include "exec/executor.h"

namespace brainsurgery {

// Threads and memory, where they are left open, as this process may use them now.
[[nodiscard]] SessionOptions with_resources(SessionOptions options);

// `options`: with resources.
[[nodiscard]] ExecOptions exec_options(const SessionOptions& options);

}  // namespace brainsurgery
