#include "formats/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kZip64Field32 = 0xFFFF'FFFF;
constexpr std::int64_t kZip64Field16 = 0xFFFF;
constexpr std::int64_t kLocalHeaderBytes = 30;
constexpr std::uint16_t kZip64 = 1;
constexpr std::uint16_t kPadding = 0x4246;  // "FB"
constexpr std::uint16_t kUtf8Names = 1 << 11;
constexpr int kPlainVersion = 20, kZip64Version = 45;

std::uint64_t narrow32(std::int64_t value) {
  return static_cast<std::uint64_t>(value < kZip64Field32 ? value : kZip64Field32);
}

bool is_wide(std::int64_t value) { return value >= kZip64Field32; }

// The fields that 32 bits cannot hold, in the format's order.
std::string zip64_extra(std::initializer_list<std::int64_t> fields) {
  std::string values;
  for (const std::int64_t field : fields) {
    if (is_wide(field)) append_little_endian(values, static_cast<std::uint64_t>(field), 8);
  }
  if (values.empty()) return values;
  std::string extra;
  append_little_endian(extra, kZip64, 2);
  append_little_endian(extra, values.size(), 2);
  return extra + values;
}

// What local and central headers have in common, before and after the checksum.
std::string flags_and_date(const std::string& name) {
  std::string fields;
  const bool is_ascii = std::ranges::all_of(name, [](unsigned char byte) { return byte < 0x80; });
  append_little_endian(fields, is_ascii ? 0 : kUtf8Names, 2);
  fields.append(6, '\0');  // method, time, date
  return fields;
}

std::string sizes(std::int64_t size, const std::string& name, const std::string& extra) {
  std::string fields;
  append_little_endian(fields, narrow32(size), 4);
  append_little_endian(fields, narrow32(size), 4);
  append_little_endian(fields, name.size(), 2);
  append_little_endian(fields, extra.size(), 2);
  return fields;
}

}  // namespace

void ZipWriter::add_with_checksum(const Entry& entry, std::string before, const std::string& after) {
  if (entry.crc) {
    append_little_endian(before, *entry.crc, 4);
    layout_.add(before + after);
  } else {
    layout_.add(std::move(before));
    layout_.add_checksum(entry.first, entry.pieces);
    layout_.add(after);
  }
}

void ZipWriter::begin_entry(Entry entry) {
  entry.header = layout_.size() - begin_;
  std::string extra = zip64_extra({entry.size, entry.size});
  const std::int64_t unpadded = entry.header + kLocalHeaderBytes + std::ssize(entry.name) + std::ssize(extra) + 4;
  const std::int64_t padding = (kZipAlignment - unpadded % kZipAlignment) % kZipAlignment;
  append_little_endian(extra, kPadding, 2);
  append_little_endian(extra, static_cast<std::uint64_t>(padding), 2);
  extra.append(static_cast<std::size_t>(padding), 'Z');
  std::string before = "PK\x03\x04";
  append_little_endian(before, is_wide(entry.size) ? kZip64Version : kPlainVersion, 2);
  before += flags_and_date(entry.name);
  if (!entry.crc) entry.first = layout_.pieces().size() + 3;  // behind the header, its checksum and the name
  add_with_checksum(entry, std::move(before), sizes(entry.size, entry.name, extra) + entry.name + extra);
  entries_.push_back(std::move(entry));
}

void ZipWriter::add(std::string name, std::string data) {
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
  begin_entry({std::move(name), 0, std::ssize(data), static_cast<std::uint32_t>(crc), 0, 0});
  layout_.add(std::move(data));
}

void ZipWriter::add_content(std::string name, std::string head, std::size_t number, std::int64_t bytes) {
  const std::int64_t size = checked_add(std::ssize(head), bytes, "the size of a zip entry");
  begin_entry({std::move(name), 0, size, std::nullopt, 0, head.empty() ? 1u : 2u});
  if (!head.empty()) layout_.add(std::move(head));
  layout_.add_content(number, bytes);
}

void ZipWriter::finish() {
  const std::int64_t central = layout_.size() - begin_;
  for (const Entry& entry : entries_) {
    const std::string extra = zip64_extra({entry.size, entry.size, entry.header});
    std::string before = "PK\x01\x02";
    append_little_endian(before, 0, 2);  // made by
    append_little_endian(before, extra.empty() ? kPlainVersion : kZip64Version, 2);
    before += flags_and_date(entry.name);
    std::string after = sizes(entry.size, entry.name, extra);
    after.append(10, '\0');  // comment, part, attributes
    append_little_endian(after, narrow32(entry.header), 4);
    add_with_checksum(entry, std::move(before), after + entry.name + extra);
  }
  const std::int64_t end64 = layout_.size() - begin_;
  const auto count = static_cast<std::uint64_t>(entries_.size());
  std::string end = "PK\x06\x06";    // zip64 end record
  append_little_endian(end, 44, 8);  // bytes that follow
  append_little_endian(end, kZip64Version, 2);
  append_little_endian(end, kZip64Version, 2);
  append_little_endian(end, 0, 8);  // parts
  append_little_endian(end, count, 8);
  append_little_endian(end, count, 8);
  append_little_endian(end, static_cast<std::uint64_t>(end64 - central), 8);
  append_little_endian(end, static_cast<std::uint64_t>(central), 8);
  end += "PK\x06\x07";  // its locator
  append_little_endian(end, 0, 4);
  append_little_endian(end, static_cast<std::uint64_t>(end64), 8);
  append_little_endian(end, 1, 4);
  end += "PK\x05\x06";  // end record
  append_little_endian(end, 0, 4);
  const std::uint64_t narrow_count = count < kZip64Field16 ? count : kZip64Field16;
  append_little_endian(end, narrow_count, 2);
  append_little_endian(end, narrow_count, 2);
  append_little_endian(end, narrow32(end64 - central), 4);
  append_little_endian(end, narrow32(central), 4);
  append_little_endian(end, 0, 2);
  layout_.add(std::move(end));
}

}  // namespace brainsurgery
