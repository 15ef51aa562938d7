// The directory of a zip archive from a stranger, held against the archive itself before anything is read through it.
//
//   ZipDirectory zip = read_zip_directory(*file, 0, file->status().size, "'a.pt': invalid zip archive");
//   if (const ZipEntry* entry = zip.find("archive/data.pkl")) text = read_zip_entry(*file, *entry, limit, context);
//
// Refused: archives in several parts, encrypted entries, methods other than stored and deflated, names twice, with NUL
// or leading out of the archive, entries that overlap, reach out of the archive or differ from their local headers,
// anything behind the end record or before the first entry. Zip64 is read. Source: APPNOTE.TXT 6.3, sections 4.3
// to 4.5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

inline constexpr std::int64_t kMaxZipDirectory = 512 << 20;  // bytes

struct ZipEntry {
  std::string name;              // any bytes but NUL
  std::int64_t offset = 0;       // of the data, from the beginning of the file
  std::int64_t size = 0;         // bytes of content
  std::int64_t stored_size = 0;  // bytes in the archive; equal to `size` unless deflated
  bool deflated = false;
  std::uint32_t crc = 0;  // some writers leave 0
};

struct ZipDirectory {
  std::vector<ZipEntry> entries;  // as in the directory

  [[nodiscard]] const ZipEntry* find(std::string_view name) const;

  std::vector<std::size_t> by_name;  // positions in `entries`, sorted by name
};

// What is wrong with the name of an entry, as "its name holds a NUL"; empty: nothing.
[[nodiscard]] std::string_view problem_of_zip_name(std::string_view name);

// The archive that fills [begin, begin + size) of the file. Throws Error(run) "<context>: <reason>".
[[nodiscard]] ZipDirectory read_zip_directory(const ReadableFile& file, std::int64_t begin, std::int64_t size,
                                              const std::string& context);

// The content of a small entry. Throws Error(run): more than `limit` bytes, a wrong CRC (0 is taken as "not computed"),
// or deflated data that do not give the size promised.
[[nodiscard]] std::string read_zip_entry(const ReadableFile& file, const ZipEntry& entry, std::int64_t limit,
                                         const std::string& context);

// Inflates `deflated`, which must give exactly `size` bytes. Throws Error(run) "<context>: <reason>".
[[nodiscard]] std::string inflate_exactly(std::string_view deflated, std::int64_t size, const std::string& context);
// The first `size` bytes that `deflated`, the beginning of deflated data, gives; fewer where it gives fewer. Throws
// Error(run) "<context>: <reason>".
[[nodiscard]] std::string inflate_beginning(std::string_view deflated, std::int64_t size, const std::string& context);

}  // namespace brainsurgery
