#include "formats/pickle_writer.h"

#include <limits>
#include <utility>

namespace brainsurgery {

namespace {

void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xFF)));
}

}  // namespace

PickleWriter::PickleWriter() : bytes_("\x80\x02") {}

void PickleWriter::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0 && value <= 0xFF) {
    bytes_.push_back('K');
    put(bytes_, bits, 1);
  } else if (value >= 0 && value <= 0xFFFF) {
    bytes_.push_back('M');
    put(bytes_, bits, 2);
  } else if (value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max()) {
    bytes_.push_back('J');
    put(bytes_, bits, 4);
  } else {
    bytes_ += "\x8a\x08";
    put(bytes_, bits, 8);
  }
}

void PickleWriter::text(std::string_view value) {
  bytes_.push_back('X');
  put(bytes_, value.size(), 4);
  bytes_ += value;
}

bool PickleWriter::recall(const std::string& key) {
  const auto known = memo_.find(key);
  if (known == memo_.end()) return false;
  if (known->second <= 0xFF) {
    bytes_.push_back('h');
    put(bytes_, known->second, 1);
  } else {
    bytes_.push_back('j');
    put(bytes_, known->second, 4);
  }
  return true;
}

void PickleWriter::remember(const std::string& key) {
  const auto slot = static_cast<std::uint32_t>(memo_.size());
  memo_.emplace(key, slot);
  if (slot <= 0xFF) {
    bytes_.push_back('q');
    put(bytes_, slot, 1);
  } else {
    bytes_.push_back('r');
    put(bytes_, slot, 4);
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
