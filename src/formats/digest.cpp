#include "formats/digest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/interrupt.h"
#include "base/sha256.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kPiece = 1 << 20;  // bytes

std::string sha256_of_stretch(const ReadableFile& file, std::int64_t begin, std::int64_t size) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(size, kPiece)));
  Sha256 hash;
  for (std::int64_t done = 0; done < size; done += kPiece) {
    throw_if_interrupted();
    const auto piece = std::span(buffer).first(static_cast<std::size_t>(std::min(size - done, kPiece)));
    file.read(begin + done, piece);
    hash.update(piece);
  }
  return hash.hex();
}

// Element by element out of a map; `at` is the place of the element with this index.
std::string sha256_of_strided(const TensorEntry& tensor) {
  const Shape& shape = tensor.desc.shape;
  const std::int64_t item = item_size(tensor.desc.dtype);
  const auto map = tensor.file->map();
  const std::int64_t end = tensor.offset + strided_extent(shape, tensor.strides) * item;
  if (end > std::ssize(map->bytes()))
    throw Error(ErrorCode::run, "cannot read '" + tensor.file->path() + "': it became shorter");
  const std::byte* const base = map->bytes().data() + tensor.offset;
  std::vector<std::byte> buffer(static_cast<std::size_t>(kPiece / item * item));
  std::size_t used = 0;
  Sha256 hash;
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t at = 0;
  for (std::int64_t left = element_count(shape); left > 0; --left) {
    std::memcpy(buffer.data() + used, base + at * item, static_cast<std::size_t>(item));
    used += static_cast<std::size_t>(item);
    if (used == buffer.size() || left == 1) {
      throw_if_interrupted();
      hash.update(std::span(buffer).first(used));
      used = 0;
    }
    for (std::size_t dim = shape.size(); dim-- > 0;) {
      at += tensor.strides[dim];
      if (++index[dim] < shape[dim]) break;
      at -= tensor.strides[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  if (map->damaged()) throw Error(ErrorCode::run, "'" + tensor.file->path() + "' became shorter while it was read");
  return hash.hex();
}

}  // namespace

std::string sha256_of(const TensorEntry& tensor) {
  if (tensor.stored) return sha256_of_stretch(*tensor.stored->file, tensor.stored->offset, tensor.stored->size);
  if (!tensor.strides.empty()) return sha256_of_strided(tensor);
  return sha256_of_stretch(*tensor.file, tensor.offset, byte_count(tensor.desc.dtype, tensor.desc.shape));
}

}  // namespace brainsurgery
