// A GGUF file (version 2 or 3, little-endian):
//
//   0        4         8              16           24
//   +--------+---------+--------------+------------+-------------+--------------+-----+--------+-----+--------+-----+
//   | "GGUF" | version | tensor count | pair count | pairs       | tensor infos | pad | tensor | pad | tensor | ... |
//   +--------+---------+--------------+------------+-------------+--------------+-----+--------+-----+--------+-----+
//    u32      u32       u64            u64          variable      variable      ^ a multiple of ALIGNMENT
//
//   string:      u64 length, bytes
//   pair:        string key, u32 type, value; an array is u32 type of its elements, u64 count, elements
//   tensor info: string name, u32 rank, u64 dimension x rank (innermost first), u32 type, u64 offset
//
// Offsets count from the beginning of the data and are multiples of ALIGNMENT: the pair "general.alignment", or 32.
#include "formats/gguf.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/decoded_file.h"
#include "formats/duplicate_names.h"
#include "formats/gguf_blocks.h"
#include "formats/gguf_metadata.h"
#include "formats/little_endian.h"
#include "formats/magic.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::int64_t kLeastPair = 8 + 4 + 1;      // bytes of the shortest pair
constexpr std::int64_t kLeastInfo = 8 + 4 + 4 + 8;  // and tensor info
constexpr std::int64_t kMaxText = 64 << 20;         // bytes of metadata, as text, that are kept

bool looks_like_gguf(std::span<const std::byte> head, std::int64_t) { return begins_with(head, kMagic); }

class HeaderReader {
 public:
  explicit HeaderReader(std::shared_ptr<const ReadableFile> file)
      : file_(std::move(file)), size_(file_->status().size) {}

  FileContents read();

 private:
  struct Info {
    std::string name;
    Shape shape;
    const GgufType* type = nullptr;
    std::uint64_t offset = 0;  // from the beginning of the data
  };

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::run, in_quotes(file_->path()) + ": invalid GGUF header: " + reason);
  }
  [[noreturn]] void fail(const std::string& reason, std::string_view tensor) const {
    fail(reason + " (tensor " + in_quotes(tensor) + ")");
  }

  // Bytes of the header one after another, through a buffer.
  [[nodiscard]] std::int64_t left() const { return size_ - at_; }
  void need(std::int64_t bytes, const char* what) const;
  std::string take(std::int64_t bytes, const char* what);
  std::uint64_t number(int bytes, const char* what);
  std::string text(std::int64_t max, const char* what);
  void skip(std::int64_t bytes) { at_ += bytes; }
  void read_version();
  std::uint64_t read_count(std::int64_t least, std::size_t max, const char* what);
  void read_pair();
  GgufValue read_value_type(const std::string& key);
  std::string read_scalar(GgufValue type, const std::string& key);
  std::int64_t read_length(const std::string& key);
  Metadata::value_type read_string(const std::string& key);
  Metadata::value_type read_array(const std::string& key);
  bool append_element(std::string& text, GgufValue type, const std::string& key);
  void skip_elements(GgufValue type, std::uint64_t count, const std::string& key);
  Metadata::value_type omit(const std::string& key, std::string shown);
  void check_alignment(GgufValue type, const std::string& value);
  void read_info();
  void check_unique() const;
  void place_tensors();
  void add_tensor(Info& info, std::int64_t offset, std::int64_t elements, std::int64_t bytes);

  std::shared_ptr<const ReadableFile> file_;
  std::int64_t size_, at_ = 0;
  std::string buffer_;
  std::int64_t buffer_at_ = 0;
  std::int64_t alignment_ = kGgufAlignment;
  std::int64_t kept_text_ = 0;
  std::vector<std::string> keys_;     // as in the file
  std::vector<std::string> omitted_;  // keys whose values are not kept
  std::vector<Info> infos_;
  FileContents contents_;
};

void HeaderReader::need(std::int64_t bytes, const char* what) const {
  if (bytes > left()) {
    fail("the file ends inside " + std::string(what) + ", at byte " + std::to_string(size_) + " (cut off?)");
  }
}

std::string HeaderReader::take(std::int64_t bytes, const char* what) {
  constexpr std::int64_t kBuffer = 1 << 16;
  need(bytes, what);
  if (at_ < buffer_at_ || at_ + bytes > buffer_at_ + std::ssize(buffer_)) {
    buffer_.resize(static_cast<std::size_t>(std::min(left(), std::max(bytes, kBuffer))));
    file_->read(at_, std::as_writable_bytes(std::span(buffer_)));
    buffer_at_ = at_;
  }
  const auto begin = static_cast<std::size_t>(at_ - buffer_at_);
  at_ += bytes;
  return buffer_.substr(begin, static_cast<std::size_t>(bytes));
}

std::uint64_t HeaderReader::number(int bytes, const char* what) { return little_endian(take(bytes, what)); }

std::string HeaderReader::text(std::int64_t max, const char* what) {
  const std::uint64_t length = number(8, what);
  if (std::cmp_greater(length, left())) {
    fail(std::string(what) + " of " + std::to_string(length) + " bytes is longer than the rest of the file");
  }
  if (std::cmp_greater(length, max)) fail(std::string(what) + " of " + std::to_string(length) + " bytes is too long");
  std::string bytes = take(static_cast<std::int64_t>(length), what);
  if (!is_valid_utf8(bytes)) fail(std::string(what) + " is not UTF-8: " + in_quotes(bytes));
  return bytes;
}

void HeaderReader::read_version() {
  if (take(std::min<std::int64_t>(left(), 4), "the magic number") != kMagic) fail("it does not begin with 'GGUF'");
  const auto version = static_cast<std::uint32_t>(number(4, "the version"));
  if ((version & 0xFFFF) == 0 && version != 0) fail("the file is big-endian, which this version does not read");
  if (version != 2 && version != 3) {
    fail("version " + std::to_string(version) + " is not read; versions 2 and 3 are");
  }
}

std::uint64_t HeaderReader::read_count(std::int64_t least, std::size_t max, const char* what) {
  const std::uint64_t count = number(8, "a count");
  if (std::cmp_greater(count, left() / least)) {
    fail("the file is too short for " + std::to_string(count) + " " + what);
  }
  if (count > max) fail(std::to_string(count) + " " + what + " are above the limit of " + std::to_string(max));
  return count;
}

FileContents HeaderReader::read() {
  read_version();
  const std::uint64_t tensors = read_count(kLeastInfo, kMaxTensors, "tensors");
  const std::uint64_t pairs = read_count(kLeastPair, kMaxTensors, "metadata pairs");
  for (std::uint64_t i = 0; i < pairs; ++i) read_pair();
  for (std::uint64_t i = 0; i < tensors; ++i) read_info();
  check_unique();
  place_tensors();
  if (!omitted_.empty()) {
    const std::string others = omitted_.size() == 1 ? "" : " and " + counted(std::ssize(omitted_) - 1, "other value");
    contents_.warnings.push_back(in_quotes(file_->path()) + ": the metadata value of " + in_quotes(omitted_.front()) +
                                 others + " will not be written: metadata above " + std::to_string(kMaxText >> 20) +
                                 " MiB are not kept");
  }
  return std::move(contents_);
}

GgufValue HeaderReader::read_value_type(const std::string& key) {
  const std::uint64_t type = number(4, "a metadata pair");
  if (type >= kGgufValues)
    fail("the metadata value of " + in_quotes(key) + " has the unknown type " + std::to_string(type));
  return static_cast<GgufValue>(type);
}

void HeaderReader::read_pair() {
  std::string key = text(kMaxTensorName, "a metadata key");
  const GgufValue type = read_value_type(key);
  Metadata::value_type pair;
  switch (type) {
    case GgufValue::string:
      pair = read_string(key);
      break;
    case GgufValue::array:
      pair = read_array(key);
      break;
    default:
      pair = {typed_key(key, type), read_scalar(type, key)};
  }
  if (key == kGgufAlignmentKey) check_alignment(type, pair.second);
  kept_text_ += std::ssize(pair.first) + std::ssize(pair.second);
  if (kept_text_ > kMaxText) fail("the metadata hold more than " + std::to_string(kMaxText) + " bytes");
  keys_.push_back(std::move(key));
  contents_.metadata.push_back(std::move(pair));
}

std::string HeaderReader::read_scalar(GgufValue type, const std::string& key) {
  const std::optional<std::string> value = text_of(type, take(size_of(type), "a metadata value"));
  if (!value) fail("the metadata value of " + in_quotes(key) + " is a truth value other than 0 and 1");
  return *value;
}

// Of a string, whose bytes are there.
std::int64_t HeaderReader::read_length(const std::string& key) {
  const std::uint64_t length = number(8, "a metadata value");
  if (std::cmp_greater(length, left())) {
    fail("the string of " + std::to_string(length) + " bytes under " + in_quotes(key) +
         " is longer than the rest of the file");
  }
  return static_cast<std::int64_t>(length);
}

Metadata::value_type HeaderReader::omit(const std::string& key, std::string shown) {
  omitted_.push_back(key);
  return {omitted_key(key), std::move(shown)};
}

Metadata::value_type HeaderReader::read_string(const std::string& key) {
  const std::int64_t length = read_length(key);
  if (length > kMaxText - kept_text_) {
    skip(length);
    return omit(key, "(" + std::to_string(length) + " bytes)");
  }
  Metadata::value_type pair = text_pair(key, take(length, "a metadata value"));
  if (std::ssize(pair.second) <= kMaxText - kept_text_) return pair;
  return omit(key, "(" + std::to_string(length) + " bytes)");  // escapes made it long
}

// Appends the next element of an array; false: its text would be too long, and the element is still to be read.
bool HeaderReader::append_element(std::string& text, GgufValue type, const std::string& key) {
  const std::int64_t room = kMaxText - kept_text_ - std::ssize(text);
  if (room < 0) return false;
  if (type != GgufValue::string) {
    text += read_scalar(type, key);
    return true;
  }
  const std::int64_t begin = at_;
  const std::int64_t length = read_length(key);
  if (length > room) {
    at_ = begin;
    return false;
  }
  append_quoted(text, take(length, "a metadata value"));
  return true;
}

void HeaderReader::skip_elements(GgufValue type, std::uint64_t count, const std::string& key) {
  if (type != GgufValue::string) return skip(static_cast<std::int64_t>(count) * size_of(type));
  for (; count > 0; --count) skip(read_length(key));
}

Metadata::value_type HeaderReader::read_array(const std::string& key) {
  const GgufValue type = read_value_type(key);
  if (type == GgufValue::array) fail("the metadata value of " + in_quotes(key) + " is an array of arrays");
  const std::uint64_t count = number(8, "a metadata value");
  const std::int64_t least = type == GgufValue::string ? 8 : size_of(type);
  if (std::cmp_greater(count, left() / least)) {
    fail("the file is too short for the " + std::to_string(count) + " values of the array " + in_quotes(key));
  }
  const std::string shown = "(" + std::to_string(count) + " values of type " + std::string(name_of(type)) + ")";
  std::string text = "[";
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    if (append_element(text, type, key)) continue;
    skip_elements(type, count - i, key);
    return omit(key, shown);
  }
  if (std::ssize(text) > kMaxText - kept_text_) return omit(key, shown);
  return {array_key(key, type), text + "]"};
}

void HeaderReader::check_alignment(GgufValue type, const std::string& value) {
  if (type != GgufValue::u32) fail("'general.alignment' is not an unsigned 32-bit number");
  const std::int64_t alignment = std::stoll(value);
  if (!is_gguf_alignment(static_cast<std::uint64_t>(alignment))) {
    fail("an alignment of " + value + " is not a power of two up to " + std::to_string(kMaxGgufAlignment));
  }
  alignment_ = alignment;
}

void HeaderReader::read_info() {
  constexpr const char* kWhat = "the list of tensors";
  Info info;
  info.name = text(kMaxTensorName, "a tensor name");
  const std::uint64_t rank = number(4, kWhat);
  if (rank > kMaxGgufRank) {
    fail("it has " + std::to_string(rank) + " dimensions, the most are " + std::to_string(kMaxGgufRank), info.name);
  }
  for (std::uint64_t i = 0; i < rank; ++i) {
    const std::uint64_t dim = number(8, kWhat);
    if (std::cmp_greater(dim, std::numeric_limits<std::int64_t>::max())) {
      fail("a dimension is above 2^63 - 1", info.name);
    }
    info.shape.push_back(static_cast<std::int64_t>(dim));
  }
  std::reverse(info.shape.begin(), info.shape.end());
  const auto type = static_cast<std::uint32_t>(number(4, kWhat));
  info.type = gguf_type(type);
  if (info.type == nullptr) fail("the type number " + std::to_string(type) + " is unknown", info.name);
  info.offset = number(8, kWhat);
  infos_.push_back(std::move(info));
}

void HeaderReader::check_unique() const {
  std::vector<std::string_view> names(keys_.begin(), keys_.end());
  if (const auto twice = find_duplicate(names)) {
    fail("the metadata key " + in_quotes(names[twice->first]) + " appears twice");
  }
  names.clear();
  for (const Info& info : infos_) names.push_back(info.name);
  if (const auto twice = find_duplicate(names)) fail("the name appears twice", names[twice->first]);
}

// Elements of a shape; nullopt where the dimensions that are not 0 overflow, as readers refuse such shapes even where
// they hold nothing.
std::optional<std::int64_t> elements_of(const Shape& shape) {
  std::optional<std::int64_t> product = 1;
  for (const std::int64_t dim : shape) {
    if (dim != 0 && product) product = try_multiply(*product, dim);
  }
  return product && std::ranges::find(shape, 0) != shape.end() ? 0 : product;
}

// Tensors in the order of their data, none over another and each inside the file. The bytes between them are free:
// what pads, or what a tool took out.
void HeaderReader::place_tensors() {
  std::stable_sort(infos_.begin(), infos_.end(), [](const Info& a, const Info& b) { return a.offset < b.offset; });
  const std::int64_t data_begin = checked_add(at_, (alignment_ - at_ % alignment_) % alignment_);
  std::int64_t free_from = data_begin;
  for (Info& info : infos_) {
    const std::optional<std::int64_t> elements = elements_of(info.shape);
    if (!elements) fail("the shape overflows 64 bits", info.name);
    const std::int64_t row = info.shape.empty() ? 1 : info.shape.back();
    if (row % info.type->block_elements != 0) {
      fail("a row of " + std::to_string(row) + " elements is not a multiple of the " +
               std::to_string(info.type->block_elements) + " of a block of type " + std::string(info.type->name),
           info.name);
    }
    const auto bytes = try_multiply(*elements / info.type->block_elements, info.type->block_bytes);
    if (!bytes) fail("the size overflows 64 bits", info.name);
    if (info.offset % static_cast<std::uint64_t>(alignment_) != 0) {
      fail("its offset " + std::to_string(info.offset) + " is not a multiple of the alignment " +
               std::to_string(alignment_),
           info.name);
    }
    const std::int64_t room = size_ - data_begin;  // below 0 where not even the padding before the data is there
    if (std::cmp_greater(info.offset, room) || *bytes > room - static_cast<std::int64_t>(info.offset)) {
      fail("its " + std::to_string(*bytes) + " bytes from data byte " + std::to_string(info.offset) +
               " on reach beyond the end of the file (cut off?)",
           info.name);
    }
    const std::int64_t offset = data_begin + static_cast<std::int64_t>(info.offset);
    if (*bytes > 0 && offset < free_from) fail("its data overlap those of the tensor before", info.name);
    if (*bytes > 0) free_from = offset + *bytes;
    add_tensor(info, offset, *elements, *bytes);
  }
  const std::int64_t unused = size_ - free_from - (alignment_ - free_from % alignment_) % alignment_;
  if (unused > 0) {
    contents_.warnings.push_back(in_quotes(file_->path()) + ": ignored " + counted(unused, "byte") +
                                 " after the last tensor");
  }
}

void HeaderReader::add_tensor(Info& info, std::int64_t offset, std::int64_t elements, std::int64_t bytes) {
  const GgufType& type = *info.type;
  TensorEntry entry{std::move(info.name), {type.dtype.value_or(DType::F32), std::move(info.shape)}, file_, offset};
  if (!type.dtype) {
    entry.stored = StoredForm{type.name, file_, offset, bytes};
    entry.file = std::make_shared<const DecodedFile>(file_, offset, elements, type, entry.name);
    entry.offset = 0;
  }
  contents_.tensors.push_back(std::move(entry));
}

}  // namespace

Format gguf_format() {
  return {.name = "gguf",
          .description = "a GGUF file",
          .suffixes = {".gguf"},
          .probe = looks_like_gguf,
          .read = read_gguf,
          .layout = layout_gguf,
          .has_metadata = true,
          .problem_of_pair = problem_of_gguf_pair,
          .keeps_blocks = true,
          .advice = {}};
}

FileContents read_gguf(std::shared_ptr<const ReadableFile> file) { return HeaderReader(std::move(file)).read(); }

}  // namespace brainsurgery
