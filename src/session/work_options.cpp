#include "session/work_options.h"

#include <algorithm>

#include "base/resources.h"

namespace brainsurgery {

SessionOptions with_resources(SessionOptions options) {
  if (options.threads <= 0) options.threads = default_thread_count();
  if (options.memory_bytes <= 0) options.memory_bytes = std::max<std::int64_t>(available_memory_bytes() / 2, 1);
  return options;
}

ExecOptions exec_options(const SessionOptions& options) {
  return {.tile_bytes = options.tile_bytes,
          .budget_bytes = options.memory_bytes,
          .spill_directory = options.spill_directory,
          .fuse = options.fuse,
          .early_writeback = options.sync};
}

}  // namespace brainsurgery
