#include "formats/digest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "brainsurgery/error.h"
#include "formats/inspect.h"
#include "types/box_read.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kReadBytes = 1 << 20;  // bytes
constexpr std::int64_t kPart = 32 << 20;  // bytes of a strided tensor that are read at once

using ByteSink = std::function<void(std::span<const std::byte>)>;

void read_stretch(const ReadableFile& file, std::int64_t begin, std::int64_t size, const ByteSink& sink) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(size, kReadBytes)));
  for (std::int64_t done = 0; done < size; done += kReadBytes) {
    throw_if_interrupted();
    const auto piece = std::span(buffer).first(static_cast<std::size_t>(std::min(size - done, kReadBytes)));
    file.read(begin + done, piece);
    sink(piece);
  }
}

// Elements in memory, one by one in row-major order.
void pack(const std::byte* base, const FileBox& box, const ByteSink& sink) {
  const auto item = static_cast<std::size_t>(box.item);
  std::vector<std::byte> buffer(static_cast<std::size_t>(kReadBytes) / item * item);
  std::size_t used = 0;
  std::vector<std::int64_t> index(box.shape.size(), 0);
  std::int64_t at = 0;
  for (std::int64_t left = element_count(box.shape); left > 0; --left) {
    std::memcpy(buffer.data() + used, base + at * box.item, item);
    used += item;
    if (used == buffer.size() || left == 1) {
      throw_if_interrupted();
      sink(std::span(buffer).first(used));
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

void pack_mapped(const TensorEntry& tensor, const FileBox& box, const ByteSink& sink) {
  const auto map = tensor.file->map();
  const std::int64_t end = tensor.offset + strided_extent(box.shape, box.strides) * box.item;
  if (end > std::ssize(map->bytes()))
    throw Error(ErrorCode::run, "cannot read '" + tensor.file->path() + "': it became shorter");
  pack(map->bytes().data() + tensor.offset, box, sink);
  if (map->damaged()) throw Error(ErrorCode::run, "'" + tensor.file->path() + "' became shorter while it was read");
}

// The part of a box that begins at `offset` elements, read as a whole.
void pack_part(const TensorEntry& tensor, const FileBox& part, std::int64_t offset, const ByteSink& sink) {
  const PackedBox packed = packed_box(part);
  std::vector<std::byte> memory(static_cast<std::size_t>(packed.bytes));
  const std::int64_t begin = tensor.offset + offset * part.item;
  read_box(part, memory, [&](std::int64_t at, std::span<std::byte> into) { tensor.file->read(begin + at, into); });
  pack(memory.data(), {part.shape, packed.strides, part.item}, sink);
}

// Part after part of at most kPart bytes: runs of the first dimension that has them, at one index of those before.
void pack_in_parts(const TensorEntry& tensor, FileBox box, std::size_t dim, std::int64_t offset,
                   const ByteSink& sink) {
  throw_if_interrupted();
  std::int64_t inner = box.item;
  for (std::size_t i = dim + 1; i < box.shape.size(); ++i) inner *= box.shape[i];
  if (inner > kPart) {
    const std::int64_t count = std::exchange(box.shape[dim], 1);
    for (std::int64_t i = 0; i < count; ++i)
      pack_in_parts(tensor, box, dim + 1, offset + i * box.strides[dim], sink);
    return;
  }
  const std::int64_t count = box.shape[dim], at_once = kPart / inner;
  for (std::int64_t begin = 0; begin < count; begin += at_once) {
    box.shape[dim] = std::min(at_once, count - begin);
    pack_part(tensor, box, offset + begin * box.strides[dim], sink);
  }
}

void read_strided(const TensorEntry& tensor, const ByteSink& sink) {
  const FileBox box{tensor.desc.shape, tensor.strides, item_size(tensor.desc.dtype)};
  if (tensor.file->access() == FileAccess::mapped) return pack_mapped(tensor, box, sink);
  if (element_count(box.shape) > 0) pack_in_parts(tensor, box, 0, 0, sink);
}

bool is_strided(const TensorEntry& tensor) {
  return !tensor.stored && !tensor.strides.empty() && !tensor.desc.shape.empty();
}

// Of a tensor whose bytes stand together.
struct PackedBytes {
  const ReadableFile* file;
  std::int64_t offset, size;
};

PackedBytes packed_bytes(const TensorEntry& tensor) {
  if (tensor.stored) return {tensor.stored->file.get(), tensor.stored->offset, tensor.stored->size};
  return {tensor.file.get(), tensor.offset, byte_count(tensor.desc.dtype, tensor.desc.shape)};
}

// Hashes of the chunks of a stream of bytes.
class ChunkHashes {
 public:
  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto room = static_cast<std::size_t>(kDigestChunk - filled_);
      const auto part = bytes.first(std::min(bytes.size(), room));
      hash_.update(part);
      filled_ += std::ssize(part);
      bytes = bytes.subspan(part.size());
      if (filled_ == kDigestChunk) end_chunk();
    }
  }
  [[nodiscard]] std::vector<Sha256Digest> finish() {
    if (filled_ > 0) end_chunk();
    return std::move(chunks_);
  }

 private:
  void end_chunk() {
    chunks_.push_back(hash_.digest());
    filled_ = 0;
  }

  Sha256 hash_;
  std::int64_t filled_ = 0;  // bytes of the chunk that is not complete
  std::vector<Sha256Digest> chunks_;
};

// A piece of work that one thread does: a chunk, or all of a tensor whose bytes do not stand together.
struct HashTask {
  std::size_t tensor;
  std::size_t chunk;
};

std::vector<HashTask> tasks_of(const std::vector<const TensorEntry*>& tensors,
                               std::vector<std::vector<Sha256Digest>>& chunks) {
  std::vector<HashTask> tasks;
  chunks.resize(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (is_strided(*tensors[i])) {
      tasks.push_back({i, 0});
      continue;
    }
    const std::int64_t size = packed_bytes(*tensors[i]).size;
    chunks[i].resize(static_cast<std::size_t>((size + kDigestChunk - 1) / kDigestChunk));
    for (std::size_t chunk = 0; chunk < chunks[i].size(); ++chunk) tasks.push_back({i, chunk});
  }
  return tasks;
}

void perform(const HashTask& task, const TensorEntry& tensor, std::vector<Sha256Digest>& chunks) {
  if (is_strided(tensor)) {
    ChunkHashes hashes;
    read_strided(tensor, [&hashes](std::span<const std::byte> bytes) { hashes.add(bytes); });
    chunks = hashes.finish();
    return;
  }
  const PackedBytes all = packed_bytes(tensor);
  const std::int64_t begin = static_cast<std::int64_t>(task.chunk) * kDigestChunk;
  Sha256 hash;
  read_stretch(*all.file, all.offset + begin, std::min(kDigestChunk, all.size - begin),
               [&hash](std::span<const std::byte> bytes) { hash.update(bytes); });
  chunks[task.chunk] = hash.digest();
}

// The name of a file does not count.
std::string_view name_of(const TensorEntry& tensor) {
  return tensor.unnamed ? std::string_view() : std::string_view(tensor.name);
}

std::span<const std::byte> text_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// SHA-256 over what identifies the tensor, and over the hashes of its chunks.
Sha256Digest tensor_digest(const TensorEntry& tensor, const std::vector<Sha256Digest>& chunks) {
  Sha256 content;
  for (const Sha256Digest& chunk : chunks) content.update(chunk);
  const Sha256Digest content_digest = content.digest();
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i)
    length[i] = static_cast<std::byte>(static_cast<std::uint64_t>(name_of(tensor).size()) >> (8 * i));
  Sha256 whole;
  whole.update(length);
  whole.update(text_bytes(name_of(tensor)));
  whole.update(text_bytes(fmt::format("{} {}\n", stored_type(tensor), fmt::join(tensor.desc.shape, ","))));
  whole.update(content_digest);
  return whole.digest();
}

}  // namespace

std::string sha256_of(const TensorEntry& tensor) {
  Sha256 hash;
  const ByteSink sink = [&hash](std::span<const std::byte> bytes) { hash.update(bytes); };
  const PackedBytes stretch = is_strided(tensor) ? PackedBytes{} : packed_bytes(tensor);
  if (is_strided(tensor)) {
    read_strided(tensor, sink);
  } else {
    read_stretch(*stretch.file, stretch.offset, stretch.size, sink);
  }
  return hash.hex();
}

ContentDigest content_digest(const Checkpoint& checkpoint, int threads) {
  std::vector<const TensorEntry*> tensors;
  for (const TensorEntry& tensor : checkpoint.tensors) {
    if (!tensor.unreadable.empty()) {
      throw Error(ErrorCode::run, fmt::format("'{}' has no digest: the elements of '{}' ({}) cannot be read",
                                              checkpoint.path, tensor.name, tensor.unreadable));
    }
    tensors.push_back(&tensor);
  }
  std::ranges::sort(tensors, {}, [](const TensorEntry* tensor) { return name_of(*tensor); });
  std::vector<std::vector<Sha256Digest>> chunks;
  const std::vector<HashTask> tasks = tasks_of(tensors, chunks);
  ThreadPool pool(std::max(1, std::min(threads, static_cast<int>(tasks.size()))));
  for_each_index(pool, tasks.size(), [&](std::size_t i) {
    perform(tasks[i], *tensors[tasks[i].tensor], chunks[tasks[i].tensor]);
  });
  ContentDigest result;
  Sha256 whole;
  whole.update(text_bytes("state dict\n"));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Sha256Digest digest = tensor_digest(*tensors[i], chunks[i]);
    whole.update(digest);
    result.tensors.push_back({std::string(name_of(*tensors[i])), std::string(stored_type(*tensors[i])), tensors[i]->desc.shape,
                              "sha256:" + to_hex(digest)});
  }
  result.whole = "sha256:" + whole.hex();
  return result;
}

}  // namespace brainsurgery
