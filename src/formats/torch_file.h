// PyTorch files of either kind as one format.
#pragma once

#include "brainsurgery/format.h"

namespace brainsurgery {

// The registry's row: zip archives and files of before 1.6, told apart by their first bytes.
[[nodiscard]] Format torch_format();

}  // namespace brainsurgery
