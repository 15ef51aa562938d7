#include "formats/file_layout.h"

#include <utility>

#include "base/checked_math.h"

namespace brainsurgery {

void FileLayout::append(std::int64_t size, decltype(Piece::what) what) {
  pieces_.push_back({size_, size, std::move(what)});
  size_ = checked_add(size_, size, "the size of a file");
}

void FileLayout::add(std::string bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  append(size, Given{std::move(bytes)});
}

void FileLayout::add_content(std::size_t number, std::int64_t bytes) { append(bytes, Content{number}); }

void FileLayout::add_checksum(std::size_t first, std::size_t count) { append(4, Checksum{first, count}); }

}  // namespace brainsurgery
