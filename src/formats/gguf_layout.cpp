#include <set>
#include <string>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/gguf.h"
#include "formats/gguf_blocks.h"
#include "formats/gguf_metadata.h"

namespace brainsurgery {

namespace {

[[noreturn]] void refuse(const StoredTensor& tensor, const std::string& reason) {
  throw Error(ErrorCode::run, "the tensor " + in_quotes(tensor.name) + " cannot be written to a GGUF file: " + reason);
}

// Zeros from `offset` to the next multiple of the alignment.
std::string padding_after(std::int64_t offset, std::int64_t alignment) {
  return std::string(static_cast<std::size_t>((alignment - offset % alignment) % alignment), '\0');
}

const GgufType& type_of(const StoredTensor& tensor) {
  const GgufType* type = tensor.blocks.empty() ? gguf_type_of(tensor.desc.dtype) : gguf_type_named(tensor.blocks);
  if (type == nullptr) refuse(tensor, "there is no type for " + to_string(tensor.desc.dtype) + "; cast it first");
  return *type;
}

// `offset`: bytes from the beginning of the data.
void append_info(std::string& header, const StoredTensor& tensor, std::int64_t offset) {
  const Shape& shape = tensor.desc.shape;
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
  append_u32(header, type_of(tensor).id);
  append_u64(header, static_cast<std::uint64_t>(offset));
}

}  // namespace

FileLayout layout_gguf(const FileRequest& request) {
  std::set<std::uint32_t> types;
  for (const StoredTensor& tensor : request.tensors) types.insert(type_of(tensor).id);
  std::string pairs;
  const std::uint64_t pair_count = append_gguf_metadata(pairs, request.metadata, types);
  const std::int64_t alignment = gguf_alignment(request.metadata);
  std::string header = "GGUF";
  append_u32(header, 3);
  append_u64(header, request.tensors.size());
  append_u64(header, pair_count);
  header += pairs;
  std::int64_t offset = 0;
  for (const StoredTensor& tensor : request.tensors) {
    append_info(header, tensor, offset);
    const std::int64_t end = checked_add(offset, request.content_bytes[tensor.content], "the file size");
    offset = checked_add(end, std::ssize(padding_after(end, alignment)), "the file size");
  }
  header += padding_after(std::ssize(header), alignment);
  FileLayout layout;
  const std::int64_t data_begin = std::ssize(header);
  layout.add(std::move(header));
  for (const StoredTensor& tensor : request.tensors) {
    layout.add_content(tensor.content, request.content_bytes[tensor.content]);
    layout.add(padding_after(layout.size() - data_begin, alignment));
  }
  return layout;
}

}  // namespace brainsurgery
