// PyTorch's zip archives (torch.save since 1.6) and TorchScript archives: reading their pickles and finding their
// storages. The records are drawn in torch_zip.cpp and explained in docs/formats/torch.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "brainsurgery/format.h"

namespace brainsurgery {

// The archive that fills [begin, begin + size) of the file. `part`: which state dict, see torch_state_dict.h. Throws
// Error(run) "'path': invalid PyTorch archive: <reason>".
[[nodiscard]] FileContents read_torch_zip(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                          std::int64_t size, std::string_view part);

}  // namespace brainsurgery
