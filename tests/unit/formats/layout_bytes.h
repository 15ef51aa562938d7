// The bytes of a layout, put together in memory.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/file_layout.h"

namespace brainsurgery::testing {

// CRC-32 by its definition, bit by bit.
inline std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFF'FFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc % 2 == 1 ? 0xEDB8'8320 : 0);
  }
  return ~crc;
}

// The bytes of a layout.
inline std::string written(const FileLayout& layout, const std::vector<std::string>& contents) {
  std::vector<std::string> parts;
  for (const FileLayout::Piece& piece : layout.pieces()) {
    if (const auto* given = std::get_if<FileLayout::Given>(&piece.what)) parts.push_back(given->bytes);
    if (const auto* content = std::get_if<FileLayout::Content>(&piece.what)) parts.push_back(contents[content->number]);
    if (std::holds_alternative<FileLayout::Checksum>(piece.what)) parts.emplace_back();
  }
  std::string bytes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (const auto* sum = std::get_if<FileLayout::Checksum>(&layout.pieces()[i].what)) {
      std::string summed;
      for (std::size_t j = 0; j < sum->count; ++j) summed += parts[sum->first + j];
      const std::uint32_t crc = crc_of(summed);
      for (int shift = 0; shift < 32; shift += 8) parts[i].push_back(static_cast<char>(crc >> shift & 0xFF));
    }
    EXPECT_EQ(std::ssize(bytes), layout.pieces()[i].offset);
    EXPECT_EQ(std::ssize(parts[i]), layout.pieces()[i].size);
    bytes += parts[i];
  }
  EXPECT_EQ(std::ssize(bytes), layout.size());
  return bytes;
}

}  // namespace brainsurgery::testing
