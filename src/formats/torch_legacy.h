// PyTorch's files of before 1.6: pickles one after another, then the storages. Drawn in torch_legacy.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "brainsurgery/format.h"

namespace brainsurgery {

// `part`: which state dict, see torch_state_dict.h. Throws Error(run) "'path': invalid PyTorch file: <reason>". Maps
// the file while it reads the pickles.
[[nodiscard]] FileContents read_torch_legacy(std::shared_ptr<const ReadableFile> file, std::string_view part);

// Whether the bytes begin as such a file does.
[[nodiscard]] bool has_torch_legacy_magic(std::span<const std::byte> head);

}  // namespace brainsurgery
