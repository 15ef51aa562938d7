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
#include <numeric>
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
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::int64_t kMaxAlignment = 1 << 20;     // as the reference implementation
constexpr std::int64_t kLeastPair = 8 + 4 + 1;      // bytes of the shortest pair
constexpr std::int64_t kLeastInfo = 8 + 4 + 4 + 8;  // and tensor info
constexpr std::int64_t kMaxShownText = 1 << 20;     // bytes of a string that is kept
constexpr std::int64_t kMaxText = 64 << 20;         // and of all of them
constexpr std::uint64_t kMaxShownArray = 16;        // elements

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
  // The value of this key will not be written again.
  void lose(const std::string& key) {
    if (lost_.empty() || lost_.back() != key) lost_.push_back(key);
  }

  void read_version();
  std::uint64_t read_count(std::int64_t least, std::size_t max, const char* what);
  void read_pair();
  GgufValue read_value_type(const std::string& key);
  std::string read_scalar(GgufValue type, const std::string& key);
  std::string read_string(const std::string& key);
  std::string read_array(const std::string& key);
  void check_alignment(GgufValue type, const std::string& value);
  void read_info();
  void check_unique() const;
  void place_tensors();
  void add_tensor(Info& info, std::int64_t offset, std::int64_t elements, std::int64_t bytes);

  std::shared_ptr<const ReadableFile> file_;
  std::int64_t size_, at_ = 0;
  std::string buffer_;
  std::int64_t buffer_at_ = 0;
  std::int64_t alignment_ = 32;
  std::int64_t kept_text_ = 0;
  std::vector<std::string> keys_;  // as in the file
  std::vector<std::string> lost_;  // keys whose values cannot be written again
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
  if (!lost_.empty()) {
    contents_.warnings.push_back(in_quotes(file_->path()) + ": the metadata value of " + in_quotes(lost_.front()) +
                                 (lost_.size() == 1 ? "" : " and of " + std::to_string(lost_.size() - 1) + " others") +
                                 " will not be written: arrays and very long strings are not kept");
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
  std::string value;
  std::string name = key;
  switch (type) {
    case GgufValue::string:
      value = read_string(key);
      break;
    case GgufValue::array:
      value = read_array(key);
      lose(key);
      break;
    default:
      value = read_scalar(type, key);
  }
  if (type != GgufValue::string) name += ":" + std::string(name_of(type));
  if (key == kAlignmentKey) check_alignment(type, value);
  kept_text_ += std::ssize(name) + std::ssize(value);
  if (kept_text_ > kMaxText) fail("the metadata hold more than " + std::to_string(kMaxText) + " bytes of text");
  keys_.push_back(std::move(key));
  contents_.metadata.emplace_back(std::move(name), std::move(value));
}

std::string HeaderReader::read_scalar(GgufValue type, const std::string& key) {
  const std::optional<std::string> value = text_of(type, take(size_of(type), "a metadata value"));
  if (!value) fail("the metadata value of " + in_quotes(key) + " is a truth value other than 0 and 1");
  return *value;
}

std::string HeaderReader::read_string(const std::string& key) {
  const std::uint64_t length = number(8, "a metadata value");
  if (std::cmp_greater(length, left())) {
    fail("the string of " + std::to_string(length) + " bytes under " + in_quotes(key) +
         " is longer than the rest of the file");
  }
  if (std::cmp_greater(length, kMaxShownText)) {
    skip(static_cast<std::int64_t>(length));
    lose(key);
    return "(" + std::to_string(length) + " bytes of text)";
  }
  std::string bytes = take(static_cast<std::int64_t>(length), "a metadata value");
  // Texts of old converters are not always UTF-8, which is no reason to refuse a model.
  return is_valid_utf8(bytes) ? std::move(bytes) : escape_for_terminal(bytes);
}

std::string HeaderReader::read_array(const std::string& key) {
  const GgufValue type = read_value_type(key);
  if (type == GgufValue::array) fail("the metadata value of " + in_quotes(key) + " is an array of arrays");
  const std::uint64_t count = number(8, "a metadata value");
  const std::int64_t least = type == GgufValue::string ? 8 : size_of(type);
  if (std::cmp_greater(count, left() / least)) {
    fail("the file is too short for the " + std::to_string(count) + " values of the array " + in_quotes(key));
  }
  if (count > kMaxShownArray) {
    if (type == GgufValue::string) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t length = number(8, "an array of strings");
        if (std::cmp_greater(length, left())) fail("the file ends inside the array " + in_quotes(key));
        skip(static_cast<std::int64_t>(length));
      }
    } else {
      skip(static_cast<std::int64_t>(count) * least);
    }
    return "(" + std::to_string(count) + " values of type " + std::string(name_of(type)) + ")";
  }
  std::string shown = "[";
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) shown += ", ";
    if (type == GgufValue::string) {
      append_json_string(shown, read_string(key), JsonEscapes::controls_only);
    } else {
      shown += read_scalar(type, key);
    }
  }
  return shown + "]";
}

void HeaderReader::check_alignment(GgufValue type, const std::string& value) {
  if (type != GgufValue::u32) fail("'general.alignment' is not an unsigned 32-bit number");
  const std::int64_t alignment = std::stoll(value);
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > kMaxAlignment) {
    fail("an alignment of " + value + " is not a power of two up to " + std::to_string(kMaxAlignment));
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
  for (const auto& [key, value] : contents_.metadata) names.push_back(key);
  if (const auto twice = find_duplicate(names)) {
    fail("the metadata keys " + in_quotes(keys_[twice->first]) + " and " + in_quotes(keys_[twice->second]) +
         " are both shown as " + in_quotes(names[twice->first]));
  }
  names.clear();
  for (const Info& info : infos_) names.push_back(info.name);
  if (const auto twice = find_duplicate(names)) fail("the name appears twice", names[twice->first]);
}

// Tensors in the order of their data, none over another and each inside the file. The bytes between them are free:
// what pads, or what a tool took out.
void HeaderReader::place_tensors() {
  std::stable_sort(infos_.begin(), infos_.end(), [](const Info& a, const Info& b) { return a.offset < b.offset; });
  const std::int64_t data_begin = checked_add(at_, (alignment_ - at_ % alignment_) % alignment_);
  std::int64_t free_from = data_begin;
  for (Info& info : infos_) {
    const std::optional<std::int64_t> elements =
        std::accumulate(info.shape.begin(), info.shape.end(), std::optional<std::int64_t>(1),
                        [](std::optional<std::int64_t> product, std::int64_t dim) {
                          return product ? try_multiply(*product, dim) : product;
                        });
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
}

void HeaderReader::add_tensor(Info& info, std::int64_t offset, std::int64_t elements, std::int64_t bytes) {
  const GgufType& type = *info.type;
  if (!type.dtype && type.decode == nullptr) {
    throw Error(ErrorCode::run, in_quotes(file_->path()) + ": " + in_quotes(info.name) + " is of the type " +
                                    std::string(type.name) +
                                    ", which this version does not decode; convert the file with llama.cpp's "
                                    "'llama-quantize --allow-requantize IN OUT F16'");
  }
  TensorEntry entry{std::move(info.name), {type.dtype.value_or(DType::F32), std::move(info.shape)}, file_, offset};
  if (!type.dtype) {
    entry.stored = StoredForm{type.name, file_, offset, bytes};
    entry.file = std::make_shared<const DecodedFile>(file_, offset, elements, type);
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
          .advice = {}};
}

FileContents read_gguf(std::shared_ptr<const ReadableFile> file) { return HeaderReader(std::move(file)).read(); }

}  // namespace brainsurgery
