// Lays out zip archives as PyTorch writes them: stored entries whose data begin at multiples of 64 bytes, zip64 where
// it is needed. The bytes are drawn in zip_directory.cpp.
//
//   ZipWriter zip(layout);
//   zip.add("archive/data.pkl", pickle);
//   zip.add_content("archive/data/0", "", 0, bytes);
//   zip.finish();
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/file_layout.h"

namespace brainsurgery {

inline constexpr std::int64_t kZipAlignment = 64;   // bytes
inline constexpr std::size_t kMaxZipName = 0xFFFF;  // bytes

// One archive, from where the layout ends when it is made. Names are UTF-8.
class ZipWriter {
 public:
  explicit ZipWriter(FileLayout& layout) : layout_(layout), begin_(layout.size()) {}

  void add(std::string name, std::string data);
  // An entry of `head` and the content. The checksum is known when the content is written only.
  void add_content(std::string name, std::string head, std::size_t number, std::int64_t bytes);
  void finish();

 private:
  struct Entry {
    std::string name;
    std::int64_t header = 0;  // from the beginning of the archive
    std::int64_t size = 0;
    std::optional<std::uint32_t> crc;
    std::size_t first = 0, pieces = 0;  // of the data, where crc is unknown
  };

  void begin_entry(Entry entry);
  void add_with_checksum(const Entry& entry, std::string before, const std::string& after);

  FileLayout& layout_;
  std::int64_t begin_;
  std::vector<Entry> entries_;
};

}  // namespace brainsurgery
