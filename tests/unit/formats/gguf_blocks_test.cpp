#include "formats/gguf_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using nlohmann::json;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const GgufType* type_called(std::string_view name) {
  for (const GgufType& type : all_gguf_types()) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

std::vector<float> decode(const GgufType& type, const std::string& block) {
  std::vector<float> values(static_cast<std::size_t>(type.block_elements));
  EXPECT_EQ(block.size(), static_cast<std::size_t>(type.block_bytes));
  type.decode(reinterpret_cast<const std::uint8_t*>(block.data()), values.data());
  return values;
}

// Random blocks and what gguf-py makes of them (tests/tools/record_gguf_blocks.py).
TEST(GgufBlocks, GiveTheValuesOfGgufPyBitForBit) {
  const json recorded = json::parse(testing::read_file(BS_TEST_DATA "/corpus/gguf/blocks.json"));
  int decoded_types = 0;
  for (const json& row : recorded) {
    const auto name = row[0].get<std::string>();
    const GgufType* type = type_called(name);
    ASSERT_NE(type, nullptr) << name;
    if (type->decode == nullptr) continue;
    ++decoded_types;
    const std::string blocks = from_hex(row[1]), values = from_hex(row[2]);
    const auto block_bytes = static_cast<std::size_t>(type->block_bytes);
    ASSERT_EQ(blocks.size() % block_bytes, 0u) << name;
    std::string got;
    for (std::size_t at = 0; at < blocks.size(); at += block_bytes) {
      const std::vector<float> decoded = decode(*type, blocks.substr(at, block_bytes));
      got.append(reinterpret_cast<const char*>(decoded.data()), decoded.size() * sizeof(float));
    }
    EXPECT_TRUE(got == values) << name;
  }
  EXPECT_EQ(decoded_types, 16);
}

// gguf-py does not decode these two: a float32 scale times signed bytes.
TEST(GgufBlocks, OfEightBitsWithFloat32ScalesAreProducts) {
  const std::string scale("\0\0\0\x40", 4);  // 2.0
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i - 128));
  const std::vector<float> q8_k = decode(*type_called("Q8_K"), scale + bytes + std::string(32, '\x55'));
  const std::vector<float> q8_1 = decode(*type_called("Q8_1"), scale + "\x55\x55\x55\x55" + bytes.substr(0, 32));
  for (int i = 0; i < 256; ++i) EXPECT_EQ(q8_k[static_cast<std::size_t>(i)], 2.0F * static_cast<float>(i - 128));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(q8_1[static_cast<std::size_t>(i)], 2.0F * static_cast<float>(i - 128));
}

// Every float16 there is, as the scale of a block of ones.
TEST(GgufBlocks, WidenEveryHalfPrecisionScale) {
  const GgufType& q8_0 = *type_called("Q8_0");
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    std::string block(34, '\1');
    block[0] = static_cast<char>(half & 0xFF);
    block[1] = static_cast<char>(half >> 8);
    const float got = decode(q8_0, block)[0];
    const int exponent = half >> 10 & 31, mantissa = half & 0x3FF;
    if (exponent == 31 && mantissa != 0) {
      EXPECT_NE(got, got) << half;
      continue;
    }
    const double magnitude = exponent == 31  ? HUGE_VAL
                             : exponent == 0 ? std::ldexp(mantissa, -24)
                                             : std::ldexp(mantissa + 1024, exponent - 25);
    EXPECT_EQ(static_cast<double>(got), half >= 0x8000 ? -magnitude : magnitude) << half;
    EXPECT_EQ(std::signbit(got), half >= 0x8000) << half;
  }
}

TEST(GgufBlocks, TableIsConsistent) {
  std::set<std::uint32_t> ids;
  for (const GgufType& type : all_gguf_types()) {
    EXPECT_TRUE(ids.insert(type.id).second) << type.name;
    EXPECT_EQ(gguf_type(type.id), &type);
    EXPECT_LE(type.block_elements, kMaxGgufBlock);
    EXPECT_FALSE(type.dtype && type.decode != nullptr) << type.name;
    if (type.dtype) {
      EXPECT_EQ(type.block_bytes, item_size(*type.dtype)) << type.name;
      EXPECT_EQ(gguf_type_of(*type.dtype), &type);
    }
  }
  for (const std::uint32_t removed : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 42u, 0xFFFFFFFFu}) {
    EXPECT_EQ(gguf_type(removed), nullptr) << removed;
  }
  EXPECT_EQ(gguf_type_of(DType::U8), nullptr);
}

}  // namespace
}  // namespace brainsurgery
