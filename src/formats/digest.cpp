#include "formats/digest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/sha256.h"
#include "brainsurgery/error.h"
#include "types/box_read.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kPiece = 1 << 20;  // bytes
constexpr std::int64_t kPart = 32 << 20;  // bytes of a strided tensor that are read at once

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

// Elements in memory, one by one in row-major order.
void hash_strided(Sha256& hash, const std::byte* base, const FileBox& box) {
  const auto item = static_cast<std::size_t>(box.item);
  std::vector<std::byte> buffer(static_cast<std::size_t>(kPiece) / item * item);
  std::size_t used = 0;
  std::vector<std::int64_t> index(box.shape.size(), 0);
  std::int64_t at = 0;
  for (std::int64_t left = element_count(box.shape); left > 0; --left) {
    std::memcpy(buffer.data() + used, base + at * box.item, item);
    used += item;
    if (used == buffer.size() || left == 1) {
      throw_if_interrupted();
      hash.update(std::span(buffer).first(used));
      used = 0;
    }
    for (std::size_t dim = box.shape.size(); dim-- > 0;) {
      at += box.strides[dim];
      if (++index[dim] < box.shape[dim]) break;
      at -= box.strides[dim] * box.shape[dim];
      index[dim] = 0;
    }
  }
}

std::string sha256_of_mapped(const TensorEntry& tensor, const FileBox& box) {
  const auto map = tensor.file->map();
  const std::int64_t end = tensor.offset + strided_extent(box.shape, box.strides) * box.item;
  if (end > std::ssize(map->bytes()))
    throw Error(ErrorCode::run, "cannot read '" + tensor.file->path() + "': it became shorter");
  Sha256 hash;
  hash_strided(hash, map->bytes().data() + tensor.offset, box);
  if (map->damaged()) throw Error(ErrorCode::run, "'" + tensor.file->path() + "' became shorter while it was read");
  return hash.hex();
}

// The part of a box that begins at `offset` elements, read as a whole.
void hash_read(Sha256& hash, const TensorEntry& tensor, const FileBox& part, std::int64_t offset) {
  const PackedBox packed = packed_box(part);
  std::vector<std::byte> memory(static_cast<std::size_t>(packed.bytes));
  const std::int64_t begin = tensor.offset + offset * part.item;
  read_box(part, memory, [&](std::int64_t at, std::span<std::byte> into) { tensor.file->read(begin + at, into); });
  hash_strided(hash, memory.data(), {part.shape, packed.strides, part.item});
}

// Part after part of at most kPart bytes: runs of the first dimension that has them, at one index of those before.
void hash_in_parts(Sha256& hash, const TensorEntry& tensor, FileBox box, std::size_t dim, std::int64_t offset) {
  throw_if_interrupted();
  std::int64_t inner = box.item;
  for (std::size_t i = dim + 1; i < box.shape.size(); ++i) inner *= box.shape[i];
  if (inner > kPart) {
    const std::int64_t count = std::exchange(box.shape[dim], 1);
    for (std::int64_t i = 0; i < count; ++i) hash_in_parts(hash, tensor, box, dim + 1, offset + i * box.strides[dim]);
    return;
  }
  const std::int64_t count = box.shape[dim], at_once = kPart / inner;
  for (std::int64_t begin = 0; begin < count; begin += at_once) {
    box.shape[dim] = std::min(at_once, count - begin);
    hash_read(hash, tensor, box, offset + begin * box.strides[dim]);
  }
}

std::string sha256_of_strided(const TensorEntry& tensor) {
  const FileBox box{tensor.desc.shape, tensor.strides, item_size(tensor.desc.dtype)};
  if (tensor.file->access() == FileAccess::mapped) return sha256_of_mapped(tensor, box);
  Sha256 hash;
  if (element_count(box.shape) > 0) hash_in_parts(hash, tensor, box, 0, 0);
  return hash.hex();
}

}  // namespace

std::string sha256_of(const TensorEntry& tensor) {
  if (tensor.stored) return sha256_of_stretch(*tensor.stored->file, tensor.stored->offset, tensor.stored->size);
  if (!tensor.strides.empty() && !tensor.desc.shape.empty()) return sha256_of_strided(tensor);
  return sha256_of_stretch(*tensor.file, tensor.offset, byte_count(tensor.desc.dtype, tensor.desc.shape));
}

}  // namespace brainsurgery
