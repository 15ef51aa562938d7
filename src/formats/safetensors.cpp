// A safetensors file (release 0.8):
//
//   0         8                        8 + N                                              end
//   +---------+------------------------+----------------+----------------+----------------+
//   | N (u64) | JSON, spaces           | tensor         | tensor         | ...            |
//   +---------+------------------------+----------------+----------------+----------------+
//   {"__metadata__": {TEXT: TEXT, ...}, NAME: {"dtype": D, "shape": [...], "data_offsets": [BEGIN, END]}, ...}
//
// Offsets count from byte 8 + N; tensors are packed, row-major and little-endian, without holes or overlaps. What is
// written has the tensors by falling dtype (in the order of DType), then by name, and N a multiple of 8.
#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "formats/json_cursor.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::int64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxDim = std::numeric_limits<std::int64_t>::max();

std::uint64_t load_length(std::span<const std::byte> bytes) {
  return little_endian({reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(kLengthBytes)});
}

bool looks_like_safetensors(std::span<const std::byte> head, std::int64_t size) {
  if (head.size() <= kLengthBytes) return false;
  const std::uint64_t length = load_length(head);
  return length <= kMaxSafetensorsHeader && static_cast<std::int64_t>(length) <= size - kLengthBytes &&
         head[kLengthBytes] == std::byte{'{'};
}

// One entry as the header has it.
struct RawEntry {
  TensorDesc desc;
  std::uint64_t begin = 0, end = 0;  // bytes from the first data byte
};

class SafetensorsHeaderReader {
 public:
  explicit SafetensorsHeaderReader(std::shared_ptr<const ReadableFile> file)
      : file_(std::move(file)), context_(in_quotes(file_->path()) + ": invalid safetensors header") {}

  FileContents read();

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[noreturn]] void fail(const std::string& reason, std::string_view tensor) const {
    fail(reason + " (tensor " + in_quotes(tensor) + ")");
  }

  std::string header_text();
  void reserve(std::string_view text);
  void hold(std::size_t bytes);
  void read_metadata(JsonCursor& json);
  RawEntry read_entry(JsonCursor& json, const std::string& name);
  DType read_dtype(JsonCursor& json, const std::string& name);
  Shape read_shape(JsonCursor& json, const std::string& name);
  std::uint64_t read_offset(JsonCursor& json, const std::string& name);
  void check_unique() const;
  void sort_by_offset();
  void check_spans() const;
  std::uint64_t size_of(const TensorDesc& desc, const std::string& name) const;

  std::shared_ptr<const ReadableFile> file_;
  std::string context_;
  std::int64_t data_begin_ = 0;
  FileContents contents_;
  using Span = std::pair<std::uint64_t, std::uint64_t>;
  std::vector<Span> spans_;     // per tensor, as in RawEntry
  std::size_t held_bytes_ = 0;  // of memory
  std::size_t unknown_fields_ = 0;
  DType last_dtype_ = DType::BOOL;  // files hold long runs of one dtype
};

std::string SafetensorsHeaderReader::header_text() {
  const std::int64_t file_size = file_->status().size;
  if (file_size < kLengthBytes) fail("the file has " + std::to_string(file_size) + " bytes, too few for a header");
  std::array<std::byte, kLengthBytes> word{};
  file_->read(0, word);
  const std::uint64_t length = load_length(word);
  if (length > kMaxSafetensorsHeader) {
    fail("a length of " + std::to_string(length) + " bytes is above the limit of " +
         std::to_string(kMaxSafetensorsHeader));
  }
  const auto header_size = static_cast<std::int64_t>(length);
  if (header_size > file_size - kLengthBytes) {
    fail("it would end " + std::to_string(header_size - (file_size - kLengthBytes)) +
         " bytes after the end of the file (cut off?)");
  }
  data_begin_ = kLengthBytes + header_size;
  std::string text(static_cast<std::size_t>(header_size), '\0');
  file_->read(kLengthBytes, std::as_writable_bytes(std::span(text)));
  return text;
}

// Room for as many tensors as there can be: growing by doubling would need three times as much memory.
void SafetensorsHeaderReader::reserve(std::string_view text) {
  constexpr std::string_view kShortest = R"("":{"dtype":"U8","shape":[],"data_offsets":[0,0]},)";
  const auto braces = static_cast<std::size_t>(std::ranges::count(text, '{'));
  const std::size_t most = std::min({braces, text.size() / kShortest.size() + 1, kMaxTensors,
                                     (kMaxHeaderMemory - text.size()) / (sizeof(TensorEntry) + sizeof(Span))});
  contents_.tensors.reserve(most);
  spans_.reserve(most);
}

void SafetensorsHeaderReader::hold(std::size_t bytes) {
  held_bytes_ += bytes;
  if (held_bytes_ > kMaxHeaderMemory)
    fail("its tensors take more than " + std::to_string(kMaxHeaderMemory) + " bytes of memory");
}

FileContents SafetensorsHeaderReader::read() {
  const std::string text = header_text();
  hold(text.size());
  JsonCursor json(text, context_);
  if (!text.starts_with('{')) fail("it does not begin with '{'");
  reserve(text);
  bool has_metadata = false;
  json.enter_object();
  while (const auto key = json.next_key()) {
    if (key->size() > kMaxTensorName) fail("a name of " + std::to_string(key->size()) + " bytes is too long", *key);
    std::string name(*key);
    if (name == kMetadataKey) {
      if (std::exchange(has_metadata, true)) fail("'__metadata__' appears twice");
      read_metadata(json);
      continue;
    }
    if (spans_.size() == kMaxTensors) fail("more than " + std::to_string(kMaxTensors) + " tensors");
    RawEntry entry = read_entry(json, name);
    hold(sizeof(TensorEntry) + sizeof(Span) + name.capacity() + entry.desc.shape.size() * sizeof(std::int64_t));
    contents_.tensors.push_back({std::move(name), std::move(entry.desc), file_, 0});
    spans_.emplace_back(entry.begin, entry.end);
  }
  json.finish();
  check_unique();
  sort_by_offset();
  check_spans();
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    contents_.tensors[i].offset = data_begin_ + static_cast<std::int64_t>(spans_[i].first);
  }
  if (unknown_fields_ > 0) {
    const bool one = unknown_fields_ == 1;
    contents_.warnings.push_back(in_quotes(file_->path()) + ": " +
                                 (one ? "1 unknown field of a tensor entry is"
                                      : std::to_string(unknown_fields_) + " unknown fields of tensor entries are") +
                                 " ignored and will not be written");
  }
  return std::move(contents_);
}

void SafetensorsHeaderReader::read_metadata(JsonCursor& json) {
  if (json.peek() == JsonCursor::Kind::null) return json.null();
  if (json.peek() != JsonCursor::Kind::object) fail("'__metadata__' is not an object of strings");
  json.enter_object();
  while (const auto key = json.next_key()) {
    if (contents_.metadata.size() == kMaxTensors) fail("more than " + std::to_string(kMaxTensors) + " metadata pairs");
    std::string name(*key);
    if (json.peek() != JsonCursor::Kind::string) fail("the metadata value of " + in_quotes(name) + " is not a string");
    contents_.metadata.emplace_back(std::move(name), json.string());
  }
}

RawEntry SafetensorsHeaderReader::read_entry(JsonCursor& json, const std::string& name) {
  if (json.peek() != JsonCursor::Kind::object) fail("the entry is not an object", name);
  RawEntry entry;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  auto once = [&](bool& has, std::string_view field) {
    if (std::exchange(has, true)) fail("the field '" + std::string(field) + "' appears twice", name);
  };
  json.enter_object();
  while (const auto field = json.next_key()) {
    if (*field == "dtype") {
      once(has_dtype, "dtype");
      entry.desc.dtype = read_dtype(json, name);
    } else if (*field == "shape") {
      once(has_shape, "shape");
      entry.desc.shape = read_shape(json, name);
    } else if (*field == "data_offsets") {
      once(has_offsets, "data_offsets");
      if (json.peek() != JsonCursor::Kind::array) fail("'data_offsets' is not an array", name);
      constexpr const char* kNotTwo = "'data_offsets' must hold two numbers";
      json.enter_array();
      if (!json.next_element()) fail(kNotTwo, name);
      entry.begin = read_offset(json, name);
      if (!json.next_element()) fail(kNotTwo, name);
      entry.end = read_offset(json, name);
      if (json.next_element()) fail(kNotTwo, name);
    } else {
      ++unknown_fields_;
      json.skip_value();
    }
  }
  if (!has_dtype) fail("the field 'dtype' is missing", name);
  if (!has_shape) fail("the field 'shape' is missing", name);
  if (!has_offsets) fail("the field 'data_offsets' is missing", name);
  return entry;
}

DType SafetensorsHeaderReader::read_dtype(JsonCursor& json, const std::string& name) {
  if (json.peek() != JsonCursor::Kind::string) fail("'dtype' is not a string", name);
  const std::string_view text = json.string();
  if (text == info(last_dtype_).name) return last_dtype_;
  const std::optional<DType> dtype = dtype_from_safetensors(text);
  if (!dtype) fail("unknown dtype " + in_quotes(text), name);
  return last_dtype_ = *dtype;
}

Shape SafetensorsHeaderReader::read_shape(JsonCursor& json, const std::string& name) {
  if (json.peek() != JsonCursor::Kind::array) fail("'shape' is not an array", name);
  std::array<std::int64_t, kMaxRank> dims{};
  std::size_t rank = 0;
  json.enter_array();
  while (json.next_element()) {
    if (rank == kMaxRank) fail("more than " + std::to_string(kMaxRank) + " dimensions", name);
    if (json.peek() != JsonCursor::Kind::number) fail("a dimension is not a number", name);
    const std::optional<std::uint64_t> dim = json.unsigned_integer();
    if (!dim || *dim > kMaxDim) fail("a dimension is not an integer from 0 to 2^63 - 1", name);
    dims[rank++] = static_cast<std::int64_t>(*dim);
  }
  return {dims.begin(), dims.begin() + rank};
}

std::uint64_t SafetensorsHeaderReader::read_offset(JsonCursor& json, const std::string& name) {
  if (json.peek() != JsonCursor::Kind::number) fail("an offset is not a number", name);
  const std::optional<std::uint64_t> offset = json.unsigned_integer();
  if (!offset) fail("an offset is not an integer from 0 to 2^64 - 1", name);
  return *offset;
}

void SafetensorsHeaderReader::check_unique() const {
  std::vector<std::string_view> names;
  names.reserve(contents_.tensors.size());
  for (const TensorEntry& tensor : contents_.tensors) names.push_back(tensor.name);
  if (const auto twice = find_duplicate(names)) fail("the name appears twice", names[twice->first]);
  names.clear();
  for (const auto& [key, value] : contents_.metadata) names.push_back(key);
  if (const auto twice = find_duplicate(names)) {
    fail("the metadata key " + in_quotes(names[twice->first]) + " appears twice");
  }
}

// By (begin, end), then as in the header: several empty tensors may stand at one place.
void SafetensorsHeaderReader::sort_by_offset() {
  if (std::is_sorted(spans_.begin(), spans_.end())) return;
  std::vector<std::size_t> order(spans_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return spans_[a] < spans_[b]; });
  // In place: a second list may be too large. Each cycle of the permutation is followed once.
  for (std::size_t begin = 0; begin < order.size(); ++begin) {
    std::size_t at = begin;
    while (order[at] != begin) {
      const std::size_t next = std::exchange(order[at], at);
      std::swap(contents_.tensors[at], contents_.tensors[next]);
      at = next;
    }
    order[at] = at;
  }
  std::sort(spans_.begin(), spans_.end());
}

// Bytes of the packed tensor. The product is taken factor by factor from the left, in bits at the end, as the library
// does.
std::uint64_t SafetensorsHeaderReader::size_of(const TensorDesc& desc, const std::string& name) const {
  std::uint64_t bits = 1;
  for (const std::int64_t dim : desc.shape) {
    if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(dim), &bits)) fail("the shape overflows 64 bits", name);
  }
  if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(info(desc.dtype).bits), &bits)) {
    fail("the size overflows 64 bits", name);
  }
  if (bits % 8 != 0) fail("its " + std::to_string(bits) + " bits do not fill whole bytes", name);
  return bits / 8;
}

// Every data byte belongs to exactly one tensor, and each tensor has the bytes that it needs.
void SafetensorsHeaderReader::check_spans() const {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    const TensorEntry& tensor = contents_.tensors[i];
    const auto [begin, end] = spans_[i];
    if (begin != at) {
      fail("it begins at data byte " + std::to_string(begin) + ", but byte " + std::to_string(at) +
               (begin > at ? " belongs to no tensor" : " is the first that is free"),
           tensor.name);
    }
    if (end < begin) fail("it ends at data byte " + std::to_string(end) + ", before its beginning", tensor.name);
    const std::uint64_t size = size_of(tensor.desc, tensor.name);
    if (end - begin != size) {
      fail("its offsets span " + std::to_string(end - begin) + " bytes, " + std::string(info(tensor.desc.dtype).name) +
               " " + to_string(tensor.desc.shape) + " needs " + std::to_string(size),
           tensor.name);
    }
    at = end;
  }
  const auto data_size = static_cast<std::uint64_t>(file_->status().size - data_begin_);
  if (at != data_size) {
    fail("the tensors need " + std::to_string(at) + " bytes of data, the file has " + std::to_string(data_size) +
         (data_size < at ? " (cut off?)" : ""));
  }
}

}  // namespace

bool is_called_safetensors(std::string_view path) { return ascii_lower(path).ends_with(".safetensors"); }

Format safetensors_format() {
  return {.name = "safetensors",
          .description = "a safetensors file",
          .suffixes = {".safetensors"},
          .probe = looks_like_safetensors,
          .read = read_safetensors,
          .layout = layout_safetensors_file,
          .has_index = true,
          .arranges = true,
          .has_metadata = true,
          .records_ties = true,
          .advice = {}};
}

FileContents read_safetensors(std::shared_ptr<const ReadableFile> file) { return SafetensorsHeaderReader(std::move(file)).read(); }

}  // namespace brainsurgery
