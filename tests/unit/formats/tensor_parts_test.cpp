#include "formats/tensor_parts.h"

#include <gtest/gtest.h>

#include "unit/formats/layout_bytes.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::message_of;

TEST(TensorParts, OffsetsAreReadAndWritten) {
  const std::string text = R"({"a.\"b": {"saved_offsets": [0, 4]}, "s": {"saved_offsets": []}})";
  const PartOffsets offsets = parse_part_offsets(text, "x");
  EXPECT_EQ(offsets, (PartOffsets{{"a.\"b", {0, 4}}, {"s", {}}}));
  EXPECT_EQ(parse_part_offsets(part_offsets_text(offsets), "x"), offsets);
  EXPECT_EQ(parse_part_offsets(R"({"a": {"new": [1], "saved_offsets": [7]}})", "x"), (PartOffsets{{"a", {7}}}));
  for (const std::string bad :
       {"[]", "{\"a\": 1}", R"({"a": {"saved_offsets": 1}})", R"({"a": {"saved_offsets": [-1]}})",
        R"({"a": {"saved_offsets": [9223372036854775808]}})", R"({"a": {"saved_offsets": [1)"}) {
    EXPECT_TRUE(message_of([&] { static_cast<void>(parse_part_offsets(bad, "x")); }).starts_with("x: ")) << bad;
  }
}

TEST(TensorParts, MakeUpAWhole) {
  const auto file = testing::file_of("abcdefgh", "f");
  const auto part = [&](std::int64_t offset, Shape starts, Shape sizes, DType dtype = DType::U8) {
    return TensorPart{{"w", {dtype, std::move(sizes)}, file, offset}, std::move(starts)};
  };
  // Two columns, then one.
  const TensorEntry whole = join_parts({part(0, {0, 0}, {2, 2}), part(4, {0, 2}, {2, 1})}, "x").tensor;
  EXPECT_EQ(whole.desc, (TensorDesc{DType::U8, {2, 3}}));
  std::string bytes(6, ' ');
  whole.file->read(whole.offset, std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(bytes, "abecdf");
  const JoinedTensor twice = join_parts({part(2, {0}, {3}), part(5, {0}, {3})}, "x");  // two copies of one
  EXPECT_EQ(twice.tensor.offset, 2);
  EXPECT_TRUE(twice.is_repeated);
  // Every file holds all of a transposed tensor.
  TensorPart transposed = part(1, {0, 0}, {2, 3});
  transposed.tensor.strides = {1, 2};
  const JoinedTensor same = join_parts({transposed, transposed}, "x");
  EXPECT_EQ(same.tensor.strides, transposed.tensor.strides);
  EXPECT_TRUE(same.is_repeated);
  const TensorPart packed_bits = part(0, {0}, {4}, DType::F4);
  EXPECT_EQ(join_parts({packed_bits, packed_bits}, "x").tensor.desc, packed_bits.tensor.desc);
  const auto refusal = [](std::vector<TensorPart> parts) {
    return message_of([&] { static_cast<void>(join_parts(std::move(parts), "x")); });
  };
  EXPECT_EQ(refusal({part(0, {1}, {2})}), "x: parts of 'w' are missing");
  EXPECT_EQ(refusal({part(0, {0}, {2}), part(0, {1}, {2})}), "x: two parts of 'w' overlap");
  EXPECT_EQ(refusal({transposed, part(0, {2, 0}, {1, 3})}), "x: a part of 'w' is not packed");
  EXPECT_EQ(refusal({packed_bits, part(2, {4}, {4}, DType::F4)}), "x: 'w' is of F4, which has no parts");
  EXPECT_EQ(refusal({part(0, {0}, {2}), part(0, {2}, {2}, DType::I8)}), "x: the parts of 'w' differ in dtype");
  EXPECT_EQ(refusal({part(0, {0}, {2}), part(0, {2}, {1, 1})}),
            "x: the parts of 'w' differ in their number of dimensions");
  EXPECT_NE(refusal({part(0, {INT64_MAX}, {2})}), "");
}

}  // namespace
}  // namespace brainsurgery
