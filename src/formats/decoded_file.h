// A block-coded tensor as a file of float32: whoever reads values needs not know that there are blocks.
//
//   auto floats = std::make_shared<const DecodedFile>(file, offset, count, *gguf_type(12), "w");
//   floats->read(4 * 1000, bytes_of_ten_floats);      // decodes the blocks that hold elements 1000 .. 1009
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "brainsurgery/env.h"
#include "formats/adapted_file.h"
#include "formats/gguf_blocks.h"

namespace brainsurgery {

class DecodedFile final : public AdaptedFile {
 public:
  // `elements` (a multiple of the block's) stand from byte `begin` on in `file`, which must have them; `type`, of
  // blocks, must outlive this object. `name`: the tensor's, for messages. Throws Error(run) where the floats do not fit
  // 64 bits.
  DecodedFile(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t elements, const GgufType& type,
              std::string_view name);

  // Memory: 64 KiB, whatever is read. Throws Error(run) where the type has no decoder.
  void read(std::int64_t offset, std::span<std::byte> into) const override;
  [[nodiscard]] const BlockCode* blocks() const override { return &code_; }

 private:
  const GgufType& type_;
  BlockCode code_;
};

}  // namespace brainsurgery
