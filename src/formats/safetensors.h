// safetensors: reading a header, and laying a file out. No function here touches tensor data; the layout does no I/O.
//
//   SafetensorsLayout layout = layout_safetensors(tensors, with_format_pair(metadata));
//   file.resize(layout.file_size);
//   file.write(0, bytes_of(layout.header));
//   for (size_t i : layout.order) copy(tensors[i], file, layout.offsets[i]);
//
// The layout of the bytes is drawn in safetensors.cpp and explained in docs/formats/safetensors.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/format.h"
#include "formats/file_layout.h"
#include "types/max_rank.h"

namespace brainsurgery {

// The suffix promises that a file is harmless to every loader; a pickle under it is a mistake or a trap.
[[nodiscard]] bool is_called_safetensors(std::string_view path);

// What a header may hold. The first is the format's own limit; the others keep hostile headers from costing memory.
inline constexpr std::int64_t kMaxSafetensorsHeader = 100'000'000;  // bytes
inline constexpr std::size_t kMaxTensors = 1'000'000;               // per file; metadata pairs too
// Of a header and what is made of it, in memory: half a million tensors with names of 100 bytes.
inline constexpr std::size_t kMaxHeaderMemory = 192 << 20;
inline constexpr std::size_t kMaxTensorName = 1 << 20;              // bytes

// The registry's row.
[[nodiscard]] Format safetensors_format();

// Reads and checks the header: every byte of the data area belongs to exactly one tensor. Throws Error(run):
// "'path': invalid safetensors header: <reason> (tensor 'x')".
[[nodiscard]] FileContents read_safetensors(std::shared_ptr<const ReadableFile> file);

struct SafetensorsLayout {
  std::string header;                 // the first bytes of the file: length word, JSON, padding
  std::vector<std::int64_t> offsets;  // bytes from the beginning of the file, per tensor as given
  std::vector<std::size_t> order;     // the tensors in the order of the file
  std::int64_t file_size = 0;         // bytes
};

// The layout that safetensors 0.8's save_file gives, byte for byte if `metadata` has at most one pair (the library has
// no order of more). Names must be unique. Throws Error(run): a tensor called '__metadata__', a header or a file beyond
// limits.
// With `origins`, one a tensor, the order is that of the dtypes and then of the origins, and the header is padded so
// that as many bytes as possible keep their place modulo kSharedBlockBytes.
[[nodiscard]] SafetensorsLayout layout_safetensors(std::span<const StoredTensor> tensors, const Metadata& metadata,
                                                   const std::vector<std::optional<ContentOrigin>>* origins = nullptr);

// The same as pieces; every tensor of the request has a content of its own.
[[nodiscard]] FileLayout layout_safetensors_file(const FileRequest& request);

// `metadata` with the pair `format: pt` at its end if it has no `format`: some loaders refuse files without it.
[[nodiscard]] Metadata with_format_pair(Metadata metadata);

}  // namespace brainsurgery
