// What the targets for checkpoint files share: a file in memory that ends the run where it is read beyond its end, and
// the promise that an accepted header makes, that every tensor in it can be read but for those that it lists as unreadable.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/format.h"
#include "formats/digest.h"
#include "fuzz/fuzz.h"

namespace brainsurgery::fuzz {

class MemoryFile final : public ReadableFile {
 public:
  explicit MemoryFile(std::string bytes, std::string path = "input")
      : path_(std::move(path)), bytes_(std::move(bytes)) {
    status_.size = std::ssize(bytes_);
  }
  const std::string& path() const override { return path_; }
  const FileStatus& status() const override { return status_; }
  FileStatus current_status() const override { return status_; }
  void read(std::int64_t offset, std::span<std::byte> into) const override {
    REQUIRE(offset >= 0 && offset <= std::ssize(bytes_) &&
            std::cmp_less_equal(into.size(), std::ssize(bytes_) - offset));
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }
  // A copy of its own, so that a sanitizer sees its end.
  std::shared_ptr<const FileMap> map() const override { return std::make_shared<const Map>(bytes_); }

 private:
  class Map final : public FileMap {
   public:
    explicit Map(const std::string& bytes) : bytes_(bytes.size()) {
      std::ranges::transform(bytes, bytes_.begin(), [](char c) { return std::byte(c); });
    }
    std::span<const std::byte> bytes() const override { return bytes_; }
    void release(std::int64_t, std::int64_t) const override {}
    bool damaged() const override { return false; }

   private:
    std::vector<std::byte> bytes_;
  };

  std::string path_, bytes_;
  FileStatus status_;
};

inline std::shared_ptr<const MemoryFile> file_of(std::string bytes) {
  return std::make_shared<const MemoryFile>(std::move(bytes));
}

// Zeros and repeated elements make large tensors of small files; these are left unread.
constexpr std::int64_t kMostBytes = 1 << 20;

inline void read_everything(const FileContents& contents) {
  for (const auto* list : {&contents.tensors, &contents.beside}) {
    for (const TensorEntry& tensor : *list) {
      if (!tensor.unreadable.empty()) continue;  // it is listed, and has no elements
      REQUIRE(tensor.file != nullptr && tensor.offset >= 0);
      const BlockCode* code = tensor.file->blocks();
      if (code != nullptr && !code->unreadable.empty()) continue;  // it can be copied as it is stored
      REQUIRE(tensor.strides.empty() || tensor.strides.size() == tensor.desc.shape.size());
      const std::int64_t bytes = byte_count(tensor.desc.dtype, tensor.desc.shape);
      if (bytes > kMostBytes) continue;
      try {
        (void)sha256_of(tensor);
        if (tensor.stored && bytes > 0) {
          std::vector<std::byte> values(static_cast<std::size_t>(bytes));
          tensor.file->read(tensor.offset, values);
        }
      } catch (const Error& error) {  // deflated data show what they are when they are read
        accept(error);
        REQUIRE(std::string_view(error.what()).find("deflated") != std::string_view::npos);
      }
    }
  }
}

// Names that another list of the same file must not have twice.
inline void require_unique(const std::vector<TensorEntry>& tensors) {
  std::vector<std::string_view> names;
  for (const TensorEntry& tensor : tensors) names.push_back(tensor.name);
  std::ranges::sort(names);
  REQUIRE(std::ranges::adjacent_find(names) == names.end());
}

// What `read` makes of the bytes; what it refuses it refuses with an error that can be shown.
template <typename Read>
int read_checkpoint(const Read& read) {
  try {
    const FileContents contents = read();
    require_unique(contents.tensors);
    read_everything(contents);
  } catch (const Error& error) {
    accept(error);
    REQUIRE(error.code() == ErrorCode::run);
  }
  return 0;
}

}  // namespace brainsurgery::fuzz
