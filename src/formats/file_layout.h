// A file that is to be written, whatever its format: which tensors it holds, and of what pieces it consists. Pure
// values; no tensor data, no I/O.
//
//   FileRequest request{tensors, content_bytes, metadata};
//   FileLayout layout = format.layout(request);
//   for (const FileLayout::Piece& piece : layout.pieces()) append(piece);
//
// A *content* is a run of packed bytes that the writer supplies by its number. Each tensor is a view of one; formats
// that cannot share get a content of its own for every tensor. A layout holds every content exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// A tensor of the file, in key order.
struct StoredTensor {
  std::string_view name;  // belongs to whoever asks for the layout
  TensorDesc desc;
  std::size_t content = 0;
  std::int64_t offset = 0;                 // of its first element in the content, in elements
  std::vector<std::int64_t> strides = {};  // in elements; empty: packed row-major
  std::string_view blocks = {};            // the BlockCode's name, where the content holds the tensor in blocks
};

// A value that is not a tensor, verbatim.
struct StoredBytes {
  std::string_view name;
  std::size_t content = 0;
};

// Where a content stands already, byte for byte.
struct ContentOrigin {
  const ReadableFile* file = nullptr;
  std::int64_t offset = 0;  // bytes
};

struct FileRequest {
  std::span<const StoredTensor> tensors;
  std::span<const std::int64_t> content_bytes;  // by number
  const Metadata& metadata;                     // formats without a place for it leave it out
  // By number. Not null: contents with an origin should come in its order and at a place that is congruent to it modulo
  // kSharedBlockBytes (env.h), as far as the format allows.
  const std::vector<std::optional<ContentOrigin>>* origins = nullptr;
  std::span<const StoredBytes> objects = {};
  const CheckpointExtras* extras = nullptr;  // where names stand in containers; or nullptr
};

class FileLayout {
 public:
  struct Given {
    std::string bytes;
  };
  struct Content {
    std::size_t number;
  };
  struct Checksum {  // CRC-32 of `count` pieces from `first` on, 4 bytes little-endian
    std::size_t first, count;
  };
  struct Piece {
    std::int64_t offset = 0;  // in the file
    std::int64_t size = 0;    // bytes
    std::variant<Given, Content, Checksum> what;
  };

  // Expects so many pieces.
  void reserve(std::size_t pieces) { pieces_.reserve(pieces); }
  // Each appends at the end. Throws Error(run) where the file would exceed 2^63 - 1 bytes.
  void add(std::string bytes);
  void add_content(std::size_t number, std::int64_t bytes);
  // `first`: a position in pieces(); the pieces may still be to come.
  void add_checksum(std::size_t first, std::size_t count);

  [[nodiscard]] const std::vector<Piece>& pieces() const& { return pieces_; }
  [[nodiscard]] std::vector<Piece> pieces() && { return std::move(pieces_); }
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  void append(std::int64_t size, decltype(Piece::what) what);

  std::vector<Piece> pieces_;
  std::int64_t size_ = 0;
};

// A file of a directory.
struct NamedLayout {
  std::string name;
  FileLayout layout;
};

// Its files, in the order in which they should appear.
struct DirectoryLayout {
  std::vector<NamedLayout> files;
  std::vector<std::string> warnings;
};

}  // namespace brainsurgery
