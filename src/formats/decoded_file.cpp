#include "formats/decoded_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr std::int64_t kPiece = 1 << 16;  // bytes of blocks read at once

}  // namespace

DecodedFile::DecodedFile(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t elements,
                         const GgufType& type, std::string_view name)
    : AdaptedFile(std::move(file), checked_mul(elements, kFloatBytes, "the size of a decoded tensor")),
      type_(type),
      code_{.type = type.name,
            .file = file_,
            .offset = begin,
            .block_bytes = type.block_bytes,
            .decoded_bytes = type.block_elements * kFloatBytes,
            .unreadable = {}} {
  BS_CHECK(!type.dtype && elements % type.block_elements == 0);
  if (type.decode == nullptr) {
    code_.unreadable = in_quotes(path()) + ": " + in_quotes(name) + " is of the type " + std::string(type.name) +
                       ", which this version does not decode; convert the file with llama.cpp's 'llama-quantize "
                       "--allow-requantize IN OUT F16'";
  }
}

void DecodedFile::read(std::int64_t offset, std::span<std::byte> into) const {
  require_inside(offset, into.size());
  if (!code_.unreadable.empty()) throw Error(ErrorCode::run, code_.unreadable);
  const std::int64_t end = offset + std::ssize(into);
  if (into.empty()) return;
  const std::int64_t decoded_bytes = code_.decoded_bytes;
  const std::int64_t last = (end - 1) / decoded_bytes;
  const std::int64_t at_once = kPiece / type_.block_bytes;
  std::int64_t block = offset / decoded_bytes;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(at_once, last - block + 1) * type_.block_bytes));
  std::array<float, kMaxGgufBlock> values{};
  while (block <= last) {
    const std::int64_t count = std::min(at_once, last - block + 1);
    const auto coded = std::span(piece).first(static_cast<std::size_t>(count * type_.block_bytes));
    file_->read(code_.offset + block * type_.block_bytes, coded);
    for (std::int64_t i = 0; i < count; ++i, ++block) {
      type_.decode(reinterpret_cast<const std::uint8_t*>(coded.data()) + i * type_.block_bytes, values.data());
      // The part of this block that was asked for: all of it, except at both ends.
      const std::int64_t begin = std::max(offset, block * decoded_bytes);
      const std::int64_t stop = std::min(end, (block + 1) * decoded_bytes);
      std::memcpy(into.data() + (begin - offset),
                  reinterpret_cast<const std::byte*>(values.data()) + (begin - block * decoded_bytes),
                  static_cast<std::size_t>(stop - begin));
    }
  }
}

}  // namespace brainsurgery
