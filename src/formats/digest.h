// SHA-256 of what checkpoints hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// Of the bytes of one tensor: packed, row-major, little-endian, or those of its StoredForm. 64 hex digits. Reads pieces
// of 1 MiB. Throws Error(run) where the file cannot be read, and when interrupted.
[[nodiscard]] std::string sha256_of(const TensorEntry& tensor);

inline constexpr std::int64_t kDigestChunk = 16 << 20;  // bytes

// The content of a checkpoint, whatever its format, its files and their order. docs/digests.md specifies it:
//
//   content = SHA-256(the SHA-256 of each chunk of kDigestChunk bytes, the last one shorter; of the bytes as above)
//   tensor  = SHA-256(length of the name, 8 bytes little-endian; name; dtype, " ", sizes joined by ",", "\n"; content)
//   whole   = SHA-256("state dict\n", then the digest of each tensor, sorted by the bytes of their names)
struct ContentDigest {
  struct Tensor {
    std::string name, dtype;
    Shape shape;
    std::string digest;  // "sha256:" and 64 hex digits

    friend bool operator==(const Tensor&, const Tensor&) = default;
  };
  std::string whole;  // the same
  std::vector<Tensor> tensors;  // sorted by the bytes of their names
};

// Reads everything, chunks of `threads` tensors at a time. Throws Error(run) where that is impossible, and when interrupted.
[[nodiscard]] ContentDigest content_digest(const Checkpoint& checkpoint, int threads);

}  // namespace brainsurgery
