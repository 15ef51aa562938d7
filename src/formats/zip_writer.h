// Lays out zip archives as PyTorch writes them: stored entries whose data begin at multiples of 64 bytes, zip64 where
// it is needed. The bytes are drawn in zip_directory.cpp.
//
//   ZipWriter zip(layout);
//   zip.add("archive/data.pkl", pickle);
//   zip.add_content("archive/data/0", 0, bytes);
//   zip.finish();
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/file_layout.h"

namespace brainsurgery {

inline constexpr std::int64_t kZipAlignment = 64;  // bytes

// One archive, from where the layout ends when it is made. Names are ASCII.
class ZipWriter {
 public:
  explicit ZipWriter(FileLayout& layout) : layout_(layout), begin_(layout.size()) {}

  void add(std::string name, std::string data);
  // The checksum is known when the content is written only.
  void add_content(std::string name, std::size_t number, std::int64_t bytes);
  void finish();

 private:
  struct Entry {
    std::string name;
    std::int64_t header = 0;  // from the beginning of the archive
    std::int64_t size = 0;
    std::optional<std::uint32_t> crc;
    std::size_t piece = 0;  // the data, where crc is unknown
  };

  void begin_entry(Entry entry);

  FileLayout& layout_;
  std::int64_t begin_;
  std::vector<Entry> entries_;
};

}  // namespace brainsurgery
