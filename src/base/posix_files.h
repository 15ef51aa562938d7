// Open files of the real file system, by Linux system calls.
#pragma once

#include <memory>
#include <string>

#include "base/descriptor.h"

namespace brainsurgery {

// `path`: as messages write it.
[[nodiscard]] std::unique_ptr<ReadableFile> readable_file(Descriptor fd, std::string path);
[[nodiscard]] std::unique_ptr<WritableFile> writable_file(Descriptor fd, std::string path);

}  // namespace brainsurgery
