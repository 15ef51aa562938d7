// GGUF: reading a header, and laying a file out. No function here touches tensor data; the layout does no I/O.
//
//   FileContents contents = read_gguf(file);            // block types read as F32, decoded on the way
//   FileLayout layout = layout_gguf(request);
//
// The layout of the bytes is drawn in gguf.cpp and explained in docs/formats/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/format.h"
#include "formats/file_layout.h"

namespace brainsurgery {

inline constexpr std::size_t kMaxGgufRank = 4;
inline constexpr std::size_t kMaxGgufName = 63;  // bytes, of what is written; longer ones are read

// The registry's row.
[[nodiscard]] Format gguf_format();

// Reads and checks the header of a file of version 2 or 3. Tensors of block types become F32 entries whose `file`
// decodes (decoded_file.h) and whose `stored` says what is there. Metadata: see gguf_metadata.h. Throws Error(run):
// "'path': invalid GGUF header: <reason> (tensor 'x')".
[[nodiscard]] FileContents read_gguf(std::shared_ptr<const ReadableFile> file);

// A file of version 3 with the tensors in the order given, each followed by zeros up to a multiple of the alignment
// that the metadata name, else of kGgufAlignment. Tensors whose content holds blocks have their type. Names must be
// unique. Throws Error(run) naming the tensor: a dtype that GGUF has not, more than four dimensions or an empty one, a
// name that is too long.
[[nodiscard]] FileLayout layout_gguf(const FileRequest& request);

}  // namespace brainsurgery
