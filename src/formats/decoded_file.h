// A block-coded tensor as a file of float32: whoever reads values needs not know that there are blocks.
//
//   auto floats = std::make_shared<const DecodedFile>(file, offset, count, *gguf_type(12));
//   floats->read(4 * 1000, bytes_of_ten_floats);      // decodes the one or two blocks that elements 1000 .. 1009 are
//   in
//
// Thread-safe as every ReadableFile.
#pragma once

#include <cstdint>
#include <memory>

#include "brainsurgery/env.h"
#include "formats/gguf_blocks.h"

namespace brainsurgery {

class DecodedFile : public ReadableFile {
 public:
  // `elements` (a multiple of the block's) stand from byte `offset` on in `file`, which must have them; `type` must
  // have a decoder and outlive this object.
  DecodedFile(std::shared_ptr<const ReadableFile> file, std::int64_t offset, std::int64_t elements,
              const GgufType& type);

  [[nodiscard]] const std::string& path() const override { return file_->path(); }
  // That of the file underneath, with the size of the float32 tensor.
  [[nodiscard]] const FileStatus& status() const override { return status_; }
  [[nodiscard]] FileStatus current_status() const override;
  // Memory: 64 KiB, whatever is read.
  void read(std::int64_t offset, std::span<std::byte> into) const override;
  // Decodes the whole tensor into memory of the map's own: 4 bytes an element for as long as it lives.
  [[nodiscard]] std::shared_ptr<const FileMap> map() const override;

 private:
  std::shared_ptr<const ReadableFile> file_;
  std::int64_t offset_;
  const GgufType& type_;
  FileStatus status_;
};

}  // namespace brainsurgery
