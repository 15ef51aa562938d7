#include "formats/pickle_writer.h"

#include <limits>
#include <utility>

#include "formats/little_endian.h"

namespace brainsurgery {

PickleWriter::PickleWriter() : bytes_("\x80\x02") {}

void PickleWriter::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0 && value <= 0xFF) {
    bytes_.push_back('K');
    append_little_endian(bytes_, bits, 1);
  } else if (value >= 0 && value <= 0xFFFF) {
    bytes_.push_back('M');
    append_little_endian(bytes_, bits, 2);
  } else if (value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max()) {
    bytes_.push_back('J');
    append_little_endian(bytes_, bits, 4);
  } else {
    bytes_ += "\x8a\x08";
    append_little_endian(bytes_, bits, 8);
  }
}

void PickleWriter::text(std::string_view value) {
  bytes_.push_back('X');
  append_little_endian(bytes_, value.size(), 4);
  bytes_ += value;
}

bool PickleWriter::recall(const std::string& key) {
  const auto known = memo_.find(key);
  if (known == memo_.end()) return false;
  if (known->second <= 0xFF) {
    bytes_.push_back('h');
    append_little_endian(bytes_, known->second, 1);
  } else {
    bytes_.push_back('j');
    append_little_endian(bytes_, known->second, 4);
  }
  return true;
}

void PickleWriter::remember(const std::string& key) {
  const auto slot = static_cast<std::uint32_t>(memo_.size());
  memo_.emplace(key, slot);
  if (slot <= 0xFF) {
    bytes_.push_back('q');
    append_little_endian(bytes_, slot, 1);
  } else {
    bytes_.push_back('r');
    append_little_endian(bytes_, slot, 4);
  }
}

void PickleWriter::known_text(std::string_view value) {
  const std::string key = "X" + std::string(value);
  if (recall(key)) return;
  text(value);
  remember(key);
}

void PickleWriter::global(std::string_view module, std::string_view name) {
  const std::string key = "c" + std::string(module) + "\n" + std::string(name) + "\n";
  if (recall(key)) return;
  bytes_ += key;
  remember(key);
}

void PickleWriter::integers(std::span<const std::int64_t> values) {
  if (values.empty()) return empty_tuple();
  if (values.size() > 3) mark();
  for (const std::int64_t value : values) integer(value);
  bytes_.push_back(values.size() > 3 ? 't' : static_cast<char>(0x84 + values.size()));
}

std::string PickleWriter::finish() {
  bytes_.push_back('.');
  return std::move(bytes_);
}

}  // namespace brainsurgery
