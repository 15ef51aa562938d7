// SHA-256 of what a tensor holds: its packed, row-major, little-endian bytes, or those of its StoredForm.
#pragma once

#include <string>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// 64 hex digits. Reads the tensor in pieces of 1 MiB. Throws Error(run) where the file cannot be read, and when
// interrupted.
[[nodiscard]] std::string sha256_of(const TensorEntry& tensor);

}  // namespace brainsurgery
