// A zip archive, as far as it matters here:
//
//   local header  "PK\3\4", 30 bytes, name, extra | data | [descriptor]      for each entry
//   central entry "PK\1\2", 46 bytes, name, extra, comment                   for each entry
//   [zip64 end record "PK\6\6", 56 bytes or more | its locator "PK\6\7", 20 bytes]
//   end record    "PK\5\6", 22 bytes, comment
#include "formats/zip_directory.h"

#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20, kCentralBytes = 46, kLocalBytes = 30;
constexpr std::uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50,
                        kEnd64Magic = 0x06064b50, kLocatorMagic = 0x07064b50;
constexpr std::uint32_t kSaturated32 = 0xFFFF'FFFF;
constexpr std::uint16_t kSaturated16 = 0xFFFF;
constexpr std::uint16_t kFlagEncrypted = 1, kFlagDescriptor = 8;

// Numbers out of a text that holds them for sure.
std::uint16_t u16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(little_endian(bytes.substr(at, 2)));
}
std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes.substr(at, 4)));
}
std::uint64_t u64(std::string_view bytes, std::size_t at) { return little_endian(bytes.substr(at, 8)); }

class DirectoryReader {
 public:
  DirectoryReader(const ReadableFile& file, std::int64_t begin, std::int64_t size, const std::string& context)
      : file_(file), begin_(begin), size_(size), context_(context) {}

  ZipDirectory read();

 private:
  struct Span {  // of an entry, its local header included
    std::int64_t begin, end;
    std::size_t entry;
  };

  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[noreturn]] void fail(const std::string& reason, const std::string& name) const {
    fail(reason + " (entry " + in_quotes(name) + ")");
  }
  [[nodiscard]] std::string bytes_at(std::int64_t offset, std::int64_t count) const;
  [[nodiscard]] std::int64_t find_end(const std::string& tail) const;
  void read_end();
  void read_end64(std::string_view end, std::int64_t end_at);
  void read_central();
  [[nodiscard]] std::int64_t read_local(ZipEntry& entry, std::int64_t header, bool has_descriptor);
  void check_names();
  void check_spans();

  const ReadableFile& file_;
  std::int64_t begin_, size_;
  const std::string& context_;
  std::uint64_t count_ = 0;
  std::int64_t central_begin_ = 0, central_size_ = 0;  // from the beginning of the archive
  std::vector<Span> spans_;
  ZipDirectory zip_;
};

std::string DirectoryReader::bytes_at(std::int64_t offset, std::int64_t count) const {
  std::string bytes(static_cast<std::size_t>(count), '\0');
  file_.read(begin_ + offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

// Where the end record begins in `tail`. A comment may hold the signature too; the record's own comment ends with the
// file.
std::int64_t DirectoryReader::find_end(const std::string& tail) const {
  std::optional<std::int64_t> found;
  for (std::int64_t at = std::ssize(tail) - kEndBytes; at >= 0; --at) {
    if (u32(tail, static_cast<std::size_t>(at)) != kEndMagic) continue;
    if (at + kEndBytes + u16(tail, static_cast<std::size_t>(at) + 20) != std::ssize(tail)) continue;
    if (found) fail("it has two end records");
    found = at;
  }
  if (!found) fail("it has no end record: the file is cut off, or something follows the archive");
  return *found;
}

void DirectoryReader::read_end() {
  if (size_ < kEndBytes) fail("it is too short");
  const std::int64_t tail_size = std::min<std::int64_t>(size_, kEndBytes + kSaturated16);
  const std::string tail = bytes_at(size_ - tail_size, tail_size);
  const std::int64_t at = find_end(tail);
  const std::string_view end(tail.data() + at, kEndBytes);
  const std::int64_t end_at = size_ - tail_size + at;
  const bool one_part = (u16(end, 4) == 0 || u16(end, 4) == kSaturated16) && u16(end, 4) == u16(end, 6);
  if (!one_part || u16(end, 8) != u16(end, 10)) fail("it is one of several parts");
  count_ = u16(end, 10);
  central_size_ = u32(end, 12);
  central_begin_ = u32(end, 16);
  std::int64_t central_end = end_at;
  if (end_at >= kLocatorBytes) {
    const std::string locator = bytes_at(end_at - kLocatorBytes, kLocatorBytes);
    if (u32(locator, 0) == kLocatorMagic) {
      const std::uint64_t where = u64(locator, 8);
      if (u32(locator, 4) != 0 || u32(locator, 16) > 1) fail("it is one of several parts");
      if (end_at - kLocatorBytes < kEnd64Bytes ||
          where > static_cast<std::uint64_t>(end_at - kLocatorBytes - kEnd64Bytes)) {
        fail("its zip64 end record lies outside of it");
      }
      central_end = static_cast<std::int64_t>(where);
      read_end64(end, central_end);
    }
  }
  if (central_begin_ > central_end || central_size_ != central_end - central_begin_)
    fail("its directory does not end where the end record begins");
  if (central_size_ > kMaxZipDirectory)
    fail("its directory is larger than " + std::to_string(kMaxZipDirectory) + " bytes");
}

// What the classic end record cannot hold. Where it can, both must say the same: readers differ in which one they
// believe.
void DirectoryReader::read_end64(std::string_view end, std::int64_t at) {
  const std::string record = bytes_at(at, kEnd64Bytes);
  if (u32(record, 0) != kEnd64Magic) fail("its zip64 end record is missing");
  if (u32(record, 16) != 0 || u32(record, 20) != 0 || u64(record, 24) != u64(record, 32))
    fail("it is one of several parts");
  const std::uint64_t count = u64(record, 32), size = u64(record, 40), begin = u64(record, 48);
  const auto agrees = [](std::uint64_t small, std::uint64_t saturated, std::uint64_t large) {
    return small == saturated || small == large;
  };
  if (!agrees(u16(end, 10), kSaturated16, count) || !agrees(u32(end, 12), kSaturated32, size) ||
      !agrees(u32(end, 16), kSaturated32, begin)) {
    fail("its two end records differ");
  }
  const auto archive = static_cast<std::uint64_t>(size_);
  if (count > archive || size > archive || begin > archive) fail("its directory lies outside of it");
  count_ = count;
  central_size_ = static_cast<std::int64_t>(size);
  central_begin_ = static_cast<std::int64_t>(begin);
}

// The fields of a zip64 extra field, in its fixed order, for those that are saturated.
struct Zip64Fields {
  std::string_view field;
  std::size_t at = 0;

  [[nodiscard]] std::optional<std::uint64_t> next() {
    if (field.size() - at < 8) return std::nullopt;
    at += 8;
    return u64(field, at - 8);
  }
};

std::string_view zip64_extra(std::string_view extra) {
  while (extra.size() >= 4) {
    const std::size_t size = u16(extra, 2);
    if (size > extra.size() - 4) break;
    if (u16(extra, 0) == 1) return extra.substr(4, size);
    extra.remove_prefix(4 + size);
  }
  return {};
}

void DirectoryReader::read_central() {
  const std::string central = bytes_at(central_begin_, central_size_);
  std::string_view rest = central;
  zip_.entries.reserve(std::min<std::size_t>(count_, central.size() / kCentralBytes));
  for (std::uint64_t i = 0; i < count_; ++i) {
    if (std::ssize(rest) < kCentralBytes || u32(rest, 0) != kCentralMagic)
      fail("its directory holds " + std::to_string(i) + " entries, not " + std::to_string(count_));
    const std::size_t name_size = u16(rest, 28), extra_size = u16(rest, 30), comment_size = u16(rest, 32);
    const std::size_t whole = kCentralBytes + name_size + extra_size + comment_size;
    if (whole > rest.size()) fail("its directory is cut off");
    ZipEntry entry;
    entry.name = rest.substr(kCentralBytes, name_size);
    const std::uint16_t flags = u16(rest, 8), method = u16(rest, 10), part = u16(rest, 34);
    if ((flags & kFlagEncrypted) != 0) fail("it is encrypted", entry.name);
    if (method != 0 && method != 8)
      fail("compression method " + std::to_string(method) + " is not supported", entry.name);
    entry.deflated = method == 8;
    entry.crc = u32(rest, 16);
    Zip64Fields wide{zip64_extra(rest.substr(kCentralBytes + name_size, extra_size))};
    const auto field = [&](std::size_t at) {
      const std::uint32_t narrow = u32(rest, at);
      const std::optional<std::uint64_t> value = narrow == kSaturated32 ? wide.next() : narrow;
      if (!value || *value > static_cast<std::uint64_t>(central_begin_))
        fail("it reaches out of the archive", entry.name);
      return static_cast<std::int64_t>(*value);
    };
    const bool inflates_beyond = entry.deflated && u32(rest, 24) != kSaturated32;
    entry.size = inflates_beyond ? static_cast<std::int64_t>(u32(rest, 24)) : field(24);
    entry.stored_size = field(20);
    const std::int64_t header = field(42);
    if (part != 0 && part != kSaturated16) fail("it is in another part", entry.name);
    if (!entry.deflated && entry.size != entry.stored_size) fail("it is stored, but its two sizes differ", entry.name);
    const std::int64_t end = read_local(entry, header, (flags & kFlagDescriptor) != 0);
    spans_.push_back({header, end, zip_.entries.size()});
    zip_.entries.push_back(std::move(entry));
    rest.remove_prefix(whole);
  }
  if (!rest.empty()) fail("its directory holds more than the " + std::to_string(count_) + " entries promised");
}

// Completes the entry by what stands before its data, and gives the end of the data.
std::int64_t DirectoryReader::read_local(ZipEntry& entry, std::int64_t header, bool has_descriptor) {
  const std::int64_t room = central_begin_ - header;
  const std::int64_t fixed = kLocalBytes + std::ssize(entry.name);
  if (room < fixed) fail("it reaches out of the archive", entry.name);
  const std::string local = bytes_at(header, fixed);
  if (u32(local, 0) != kLocalMagic) fail("there is no local header where the directory says", entry.name);
  const std::int64_t name_size = u16(local, 26), extra_size = u16(local, 28);
  if (name_size != std::ssize(entry.name) || local.compare(kLocalBytes, std::string::npos, entry.name) != 0)
    fail("the local header has another name", entry.name);
  if ((u16(local, 6) & kFlagEncrypted) != 0) fail("it is encrypted", entry.name);
  if (u16(local, 8) != (entry.deflated ? 8 : 0)) fail("the local header has another compression method", entry.name);
  for (const auto& [at, size] : {std::pair(18, entry.stored_size), std::pair(22, entry.size)}) {
    const std::uint32_t said = u32(local, static_cast<std::size_t>(at));
    const bool left_open = said == kSaturated32 || (has_descriptor && said == 0);
    if (!left_open && said != static_cast<std::uint64_t>(size)) fail("the local header has another size", entry.name);
  }
  const std::int64_t data = header + fixed + extra_size;
  if (data > central_begin_ || entry.stored_size > central_begin_ - data)
    fail("it reaches out of the archive", entry.name);
  entry.offset = begin_ + data;
  return data + entry.stored_size;
}

void DirectoryReader::check_names() {
  for (const ZipEntry& entry : zip_.entries) {
    if (const std::string_view problem = problem_of_zip_name(entry.name); !problem.empty())
      fail(std::string(problem), entry.name);
  }
  zip_.by_name.resize(zip_.entries.size());
  std::iota(zip_.by_name.begin(), zip_.by_name.end(), std::size_t{0});
  const auto name_of = [this](std::size_t i) -> const std::string& { return zip_.entries[i].name; };
  std::ranges::sort(zip_.by_name, {}, name_of);
  const auto twice = std::ranges::adjacent_find(zip_.by_name, {}, name_of);
  if (twice != zip_.by_name.end()) fail("it appears twice", name_of(*twice));
}

void DirectoryReader::check_spans() {
  std::ranges::sort(spans_, {}, &Span::begin);
  std::int64_t end = 0;
  for (const Span& span : spans_) {
    if (span.begin < end) fail("it overlaps the entry before it", zip_.entries[span.entry].name);
    end = span.end;
  }
  if (!spans_.empty() && spans_.front().begin != 0) fail("there are bytes before the first entry");
}

ZipDirectory DirectoryReader::read() {
  read_end();
  read_central();
  check_names();
  check_spans();
  return std::move(zip_);
}

}  // namespace

const ZipEntry* ZipDirectory::find(std::string_view name) const {
  const auto at =
      std::ranges::lower_bound(by_name, name, {}, [this](std::size_t i) { return std::string_view(entries[i].name); });
  return at == by_name.end() || entries[*at].name != name ? nullptr : &entries[*at];
}

std::string_view problem_of_zip_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return "its name holds a NUL";
  const std::string slashed = "/" + std::string(name) + "/";
  if (name.starts_with('/') || slashed.find("/../") != std::string::npos) return "its name leads out of the archive";
  return {};
}

ZipDirectory read_zip_directory(const ReadableFile& file, std::int64_t begin, std::int64_t size,
                                const std::string& context) {
  return DirectoryReader(file, begin, size, context).read();
}

std::string inflate_exactly(std::string_view deflated, std::int64_t size, const std::string& context) {
  std::string content(static_cast<std::size_t>(size), '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(ErrorCode::run, context + ": no memory to inflate it");
  std::size_t in = 0, out = 0;
  int status = Z_OK;
  char beyond = 0;  // room for one byte too many, so that it shows
  while (status == Z_OK) {
    const std::size_t give = std::min<std::size_t>(deflated.size() - in, 1 << 30);
    const std::size_t room = std::min<std::size_t>(content.size() - out, 1 << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data() + in));
    stream.avail_in = static_cast<uInt>(give);
    stream.next_out = reinterpret_cast<Bytef*>(room > 0 ? content.data() + out : &beyond);
    stream.avail_out = room > 0 ? static_cast<uInt>(room) : 1;
    status = inflate(&stream, Z_NO_FLUSH);
    in += give - stream.avail_in;
    if (room > 0) {
      out += room - stream.avail_out;
    } else if (stream.avail_out == 0) {
      status = Z_DATA_ERROR;
    }
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || out != content.size() || in != deflated.size())
    throw Error(ErrorCode::run,
                context + ": its deflated data do not give the " + std::to_string(size) + " bytes promised");
  return content;
}

std::string inflate_beginning(std::string_view deflated, std::int64_t size, const std::string& context) {
  std::string content(static_cast<std::size_t>(size), '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(ErrorCode::run, context + ": no memory to inflate it");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  const int status = inflate(&stream, Z_SYNC_FLUSH);
  content.resize(content.size() - stream.avail_out);
  inflateEnd(&stream);
  if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
    throw Error(ErrorCode::run, context + ": its deflated data are damaged");
  return content;
}

std::string read_zip_entry(const ReadableFile& file, const ZipEntry& entry, std::int64_t limit,
                           const std::string& context) {
  const std::string where = context + ": entry " + in_quotes(entry.name);
  if (entry.size > limit || entry.stored_size > limit)
    throw Error(ErrorCode::run, where + " is larger than the limit of " + std::to_string(limit) + " bytes");
  std::string content(static_cast<std::size_t>(entry.stored_size), '\0');
  file.read(entry.offset, std::as_writable_bytes(std::span(content)));
  if (entry.deflated) content = inflate_exactly(content, entry.size, where);
  if (entry.crc != 0 && crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()) != entry.crc)
    throw Error(ErrorCode::run, where + " is damaged: its CRC is wrong");
  return content;
}

}  // namespace brainsurgery
