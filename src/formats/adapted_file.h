// Stretches of a file that hold a tensor's bytes in another form, seen as files that hold them plainly.
//
//   auto plain = byte_swapped(file, entry.offset, entry.size, 4);      // a big-endian float32 storage
//   plain->read(0, buffer);                                            // little-endian
//
// Offsets count from the beginning of the stretch. Path and status are those of the file beneath, the first of several,
// so that messages speak of that; a check for changes looks at all that are beneath(). They are not mapped. May be used
// from several threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

// Of deflated content at most this much of one file: a few bytes can give very many.
inline constexpr std::int64_t kMaxInflatedBytes = std::int64_t{1} << 30;

// What the adapters have in common; read() is their own.
class AdaptedFile : public ReadableFile {
 public:
  AdaptedFile(std::shared_ptr<const ReadableFile> file, std::int64_t size) : file_(std::move(file)), size_(size) {}
  [[nodiscard]] const std::string& path() const override { return file_->path(); }
  [[nodiscard]] const FileStatus& status() const override { return file_->status(); }
  [[nodiscard]] FileStatus current_status() const override { return file_->current_status(); }
  [[nodiscard]] std::shared_ptr<const FileMap> map() const override;
  [[nodiscard]] FileAccess access() const override { return std::max(file_->access(), FileAccess::ranges); }
  [[nodiscard]] bool decodes() const override { return true; }
  // The files that the bytes are made from; some may be adapted themselves.
  [[nodiscard]] virtual std::vector<std::shared_ptr<const ReadableFile>> beneath() const { return {file_}; }

 protected:
  void require_inside(std::int64_t offset, std::size_t size) const;

  std::shared_ptr<const ReadableFile> file_;
  std::int64_t size_;  // bytes that can be read
};

// Every group of `item` bytes (2, 4 or 8) reversed. `size` is a multiple of it.
[[nodiscard]] std::shared_ptr<const ReadableFile> byte_swapped(std::shared_ptr<const ReadableFile> file,
                                                               std::int64_t begin, std::int64_t size, int item);

// Floats of `item` bytes (2, 4 or 8) with the other sign: those at even places, those at odd ones, or both. `size` is a
// multiple of `item`.
[[nodiscard]] std::shared_ptr<const ReadableFile> negated(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                                          std::int64_t size, int item, bool even, bool odd);

// A deflated stretch that gives `size` bytes (at most kMaxInflatedBytes, the caller sees to it). Inflated piece by
// piece as it is read, fastest from front to back; see inflated_file.cpp. Throws Error(run) "<context>: <reason>" where
// the data turn out to be others.
[[nodiscard]] std::shared_ptr<const ReadableFile> inflated(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                                           std::int64_t deflated_size, std::int64_t size,
                                                           std::string context);

// A packed tensor whose elements stand in several boxes, each packed somewhere. `item`: bytes of an element.
struct TensorBox {
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset = 0;           // bytes, of the box's first element
  std::vector<std::int64_t> starts;  // place in the tensor
  std::vector<std::int64_t> sizes;
};
// The boxes must lie inside of `shape`, not overlap and cover it; at least one.
[[nodiscard]] std::shared_ptr<const ReadableFile> assembled(std::vector<TensorBox> boxes,
                                                            std::vector<std::int64_t> shape, std::int64_t item);

}  // namespace brainsurgery
