// Read-only mappings of files that survive the file's being truncated underneath them.
//
// Touching a page that the file no longer has raises SIGBUS. Every mapping is in a registry that the handler can walk
// without locks; on a fault inside one it puts a page of zeros there and marks the mapping as damaged. A fault anywhere
// else goes to whoever handled SIGBUS before. Registry and handler belong to the process, as signals do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "brainsurgery/env.h"

namespace brainsurgery {

// Once per process, before the first mapping.
void install_map_fault_handler();

// The first `size` bytes of the file `fd`, which may be closed afterwards. Throws Error(run) naming `path`.
[[nodiscard]] std::shared_ptr<const FileMap> map_file(int fd, std::int64_t size, const std::string& path);

}  // namespace brainsurgery
