#include <string>
#include <string_view>

#include "base/checked_math.h"
#include "brainsurgery/error.h"
#include "formats/gguf.h"
#include "formats/gguf_blocks.h"
#include "formats/gguf_metadata.h"
#include "formats/json_text.h"

namespace brainsurgery {

namespace {

[[noreturn]] void refuse(const NamedDesc& tensor, const std::string& reason) {
  throw Error(ErrorCode::run, "the tensor " + in_quotes(tensor.name) + " cannot be written to a GGUF file: " + reason);
}

std::int64_t aligned(std::int64_t offset) {
  return checked_add(offset, (kGgufAlignment - offset % kGgufAlignment) % kGgufAlignment, "the file size");
}

void append_info(std::string& header, const NamedDesc& tensor, std::int64_t offset) {
  const auto& [dtype, shape] = tensor.desc;
  const GgufType* type = gguf_type_of(dtype);
  if (type == nullptr) refuse(tensor, "there is no type for " + to_string(dtype) + "; cast it first");
  if (shape.size() > kMaxGgufRank) {
    refuse(tensor, std::to_string(shape.size()) + " dimensions are more than " + std::to_string(kMaxGgufRank));
  }
  if (tensor.name.size() > kMaxGgufName) {
    refuse(tensor, "its name is longer than " + std::to_string(kMaxGgufName) + " bytes; rename it");
  }
  append_gguf_string(header, tensor.name);
  append_u32(header, static_cast<std::uint32_t>(shape.size()));
  for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
    if (*dim == 0) refuse(tensor, "its shape " + to_string(shape) + " has no elements");
    append_u64(header, static_cast<std::uint64_t>(*dim));
  }
  append_u32(header, type->id);
  append_u64(header, static_cast<std::uint64_t>(offset));
}

}  // namespace

GgufLayout layout_gguf(std::span<const NamedDesc> tensors, const Metadata& metadata) {
  std::string pairs;
  const std::uint64_t pair_count = append_gguf_metadata(pairs, metadata);
  GgufLayout layout;
  layout.header = "GGUF";
  append_u32(layout.header, 3);
  append_u64(layout.header, tensors.size());
  append_u64(layout.header, pair_count);
  layout.header += pairs;
  std::int64_t offset = 0;  // from the beginning of the data
  for (const NamedDesc& tensor : tensors) {
    append_info(layout.header, tensor, offset);
    layout.offsets.push_back(offset);
    const std::int64_t bytes = byte_count(tensor.desc.dtype, tensor.desc.shape);
    offset = aligned(checked_add(offset, bytes, "the file size"));
  }
  const std::int64_t data_begin = aligned(std::ssize(layout.header));
  layout.header.resize(static_cast<std::size_t>(data_begin), '\0');
  for (std::int64_t& at : layout.offsets) at += data_begin;
  layout.file_size = checked_add(data_begin, offset, "the file size");
  return layout;
}

}  // namespace brainsurgery
