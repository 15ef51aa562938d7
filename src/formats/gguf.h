// GGUF: reading a header, and laying a file out. No function here touches tensor data; the layout does no I/O.
//
//   FileContents contents = read_gguf(file);            // block types read as F32, decoded on the way
//   GgufLayout layout = layout_gguf(tensors, metadata);
//
// The layout of the bytes is drawn in gguf.cpp and explained in docs/formats/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/format.h"

namespace brainsurgery {

inline constexpr std::size_t kMaxGgufRank = 4;
inline constexpr std::size_t kMaxGgufName = 63;     // bytes, of what is written; longer ones are read
inline constexpr std::int64_t kGgufAlignment = 32;  // of what is written

// The registry's row.
[[nodiscard]] Format gguf_format();

// Reads and checks the header of a file of version 2 or 3. Tensors of block types become F32 entries whose `file`
// decodes (decoded_file.h) and whose `stored` says what is there. Metadata: see gguf_metadata.h. Throws Error(run):
// "'path': invalid GGUF header: <reason> (tensor 'x')".
[[nodiscard]] FileContents read_gguf(std::shared_ptr<const ReadableFile> file);

struct GgufLayout {
  std::string header;                 // the first bytes of the file, with padding up to the data
  std::vector<std::int64_t> offsets;  // bytes from the beginning of the file, per tensor as given, rising
  std::int64_t file_size = 0;         // bytes; every tensor is followed by zeros up to a multiple of kGgufAlignment
};

// A file of version 3 with the tensors in the order given. Names must be unique. Throws Error(run) naming the tensor:
// a dtype that GGUF has not, more than four dimensions or an empty one, a name that is too long.
[[nodiscard]] GgufLayout layout_gguf(std::span<const NamedDesc> tensors, const Metadata& metadata);

}  // namespace brainsurgery
