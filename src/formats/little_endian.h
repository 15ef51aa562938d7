// Unsigned little-endian numbers in texts of bytes, as headers hold them.
//
//   append_little_endian(header, 1024, 4);
//   little_endian(std::string_view(header).substr(0, 4))      // 1024
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace brainsurgery {

// The number that all of `bytes`, at most 8, are.
[[nodiscard]] inline std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The lowest `bytes` bytes of `value`, at most 8.
inline void append_little_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xFF)));
}

}  // namespace brainsurgery
