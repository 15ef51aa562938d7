#include "formats/digest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/sha256.h"

namespace brainsurgery {

std::string sha256_of(const TensorEntry& tensor) {
  constexpr std::int64_t kPiece = 1 << 20;
  const std::int64_t size = byte_count(tensor.desc.dtype, tensor.desc.shape);
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(size, kPiece)));
  Sha256 hash;
  for (std::int64_t done = 0; done < size; done += kPiece) {
    const auto piece = std::span(buffer).first(static_cast<std::size_t>(std::min(size - done, kPiece)));
    tensor.file->read(tensor.offset + done, piece);
    hash.update(piece);
  }
  return hash.hex();
}

}  // namespace brainsurgery
