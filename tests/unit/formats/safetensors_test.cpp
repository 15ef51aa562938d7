#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <vector>

#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::file_of;
using testing::message_of;
using testing::safetensors_bytes;

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

std::string refusal(const std::string& bytes) {
  const std::string prefix = "'x.safetensors': invalid safetensors header: ";
  const std::string message = message_of([&] { static_cast<void>(read_safetensors(file_of(bytes))); });
  EXPECT_TRUE(message.starts_with(prefix)) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message.substr(std::min(prefix.size(), message.size()));
}

TEST(Safetensors, GivesTensorsByOffsetWithTheirPlaces) {
  const std::string json = "{" + entry("late", "F32", "[2,1]", "[2,10]") +
                           ",\"__metadata__\":{\"b\":\"1\",\"a\":\"\\u00e9\"}," +
                           entry("early", "BF16", "[]", "[0,2]") + "}  ";
  const auto file = file_of(safetensors_bytes(json, 10));
  const FileContents contents = read_safetensors(file);
  ASSERT_EQ(contents.tensors.size(), 2u);
  const auto data = static_cast<std::int64_t>(8 + json.size());
  EXPECT_EQ(contents.tensors[0].name, "early");
  EXPECT_EQ(contents.tensors[0].desc, (TensorDesc{DType::BF16, {}}));
  EXPECT_EQ(contents.tensors[0].offset, data);
  EXPECT_EQ(contents.tensors[1].name, "late");
  EXPECT_EQ(contents.tensors[1].desc, (TensorDesc{DType::F32, {2, 1}}));
  EXPECT_EQ(contents.tensors[1].offset, data + 2);
  EXPECT_EQ(contents.tensors[1].file, file);
  EXPECT_EQ(contents.metadata, (Metadata{{"b", "1"}, {"a", "é"}}));
  EXPECT_TRUE(contents.warnings.empty());
}

TEST(Safetensors, ReadsTheHeaderOnly) {
  const std::string json = "{" + entry("w", "U8", "[100000]", "[0,100000]") + "}";
  const auto file = file_of(safetensors_bytes(json, 100000));
  static_cast<void>(read_safetensors(file));
  EXPECT_EQ(file->bytes_read(), 8 + json.size());
}

TEST(Safetensors, WarnsOfFieldsThatARewriteWouldLose) {
  const std::string json =
      R"({"w":{"dtype":"U8","shape":[1],"strides":[{"a":[null,true,-1.5e3]}],"data_offsets":[0,1]}})";
  const FileContents contents = read_safetensors(file_of(safetensors_bytes(json, 1)));
  ASSERT_EQ(contents.warnings.size(), 1u);
  EXPECT_EQ(contents.warnings[0],
            "'x.safetensors': 1 unknown field of a tensor entry is ignored and will not be written");
}

TEST(Safetensors, SaysWhatIsWrong) {
  struct Row {
    std::string json;
    std::size_t data;
    std::string reason;
  };
  const std::vector<Row> rows = {
      {"", 0, "it does not begin with '{'"},
      {" {}", 0, "it does not begin with '{'"},
      {"\xEF\xBB\xBF{}", 0, "it does not begin with '{'"},
      {"{\"\xff\":1}", 0, "not valid UTF-8 at byte 2"},
      {"{}x", 0, "not valid JSON at byte 2: text after the end"},
      {"{", 0, "not valid JSON at byte 1: the text ends too early"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "'__metadata__' appears twice"},
      {R"({"__metadata__":[]})", 0, "'__metadata__' is not an object of strings"},
      {R"({"__metadata__":{"k":1}})", 0, "the metadata value of 'k' is not a string"},
      {R"({"__metadata__":{"k":"1","\u006b":"2"}})", 0, "the metadata key 'k' appears twice"},
      {R"({"w":["U8",[1],[0,1]]})", 1, "the entry is not an object (tensor 'w')"},
      {R"({"w":{"shape":[1],"data_offsets":[0,1]}})", 1, "the field 'dtype' is missing (tensor 'w')"},
      {R"({"w":{"dtype":"U8","data_offsets":[0,1]}})", 1, "the field 'shape' is missing (tensor 'w')"},
      {R"({"w":{"dtype":"U8","shape":[1]}})", 1, "the field 'data_offsets' is missing (tensor 'w')"},
      {R"({"w":{"dtype":"U8","dtype":"U8"}})", 1, "the field 'dtype' appears twice (tensor 'w')"},
      {R"({"w":{"dtype":{"U8":null}}})", 1, "'dtype' is not a string (tensor 'w')"},
      {"{" + entry("w", "u8", "[1]", "[0,1]") + "}", 1, "unknown dtype 'u8' (tensor 'w')"},
      {"{" + entry("w", "U8", "1", "[0,1]") + "}", 1, "'shape' is not an array (tensor 'w')"},
      {"{" + entry("w", "U8", "[\"1\"]", "[0,1]") + "}", 1, "a dimension is not a number (tensor 'w')"},
      {"{" + entry("w", "U8", "[-0]", "[0,0]") + "}", 0,
       "a dimension is not an integer from 0 to 2^63 - 1 (tensor 'w')"},
      {"{" + entry("w", "U8", "[1.0]", "[0,1]") + "}", 1,
       "a dimension is not an integer from 0 to 2^63 - 1 (tensor 'w')"},
      {"{" + entry("w", "U8", "[0,9223372036854775808]", "[0,0]") + "}", 0,
       "a dimension is not an integer from 0 to 2^63 - 1 (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "{}") + "}", 1, "'data_offsets' is not an array (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[]") + "}", 1, "'data_offsets' must hold two numbers (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[0]") + "}", 1, "'data_offsets' must hold two numbers (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[0,1,2]") + "}", 1, "'data_offsets' must hold two numbers (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[-1,0]") + "}", 1, "an offset is not an integer from 0 to 2^64 - 1 (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[0,18446744073709551616]") + "}", 1,
       "an offset is not an integer from 0 to 2^64 - 1 (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[0,1]") + "," + entry("\\u0077", "U8", "[1]", "[1,2]") + "}", 2,
       "the name appears twice (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[1,2]") + "}", 2,
       "it begins at data byte 1, but byte 0 belongs to no tensor (tensor 'w')"},
      {"{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[2]", "[1,3]") + "}", 3,
       "it begins at data byte 1, but byte 2 is the first that is free (tensor 'b')"},
      {"{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[1]", "[2,1]") + "}", 2,
       "it ends at data byte 1, before its beginning (tensor 'b')"},
      {"{" + entry("w", "U8", "[4294967296,4294967296]", "[0,0]") + "}", 0, "the shape overflows 64 bits (tensor 'w')"},
      {"{" + entry("w", "U8", "[9223372036854775807]", "[0,0]") + "}", 0, "the size overflows 64 bits (tensor 'w')"},
      {"{" + entry("w", "F4", "[3]", "[0,1]") + "}", 1, "its 12 bits do not fill whole bytes (tensor 'w')"},
      {"{" + entry("w", "F32", "[2]", "[0,4]") + "}", 4, "its offsets span 4 bytes, F32 [2] needs 8 (tensor 'w')"},
      {"{" + entry("w", "U8", "[1]", "[0,1]") + "}", 2, "the tensors need 1 bytes of data, the file has 2"},
      {"{" + entry("w", "U8", "[4]", "[0,4]") + "}", 2, "the tensors need 4 bytes of data, the file has 2 (cut off?)"},
      {"{" + entry("w\\u001b\\n", "X", "[4]", "[0,4]") + "}", 4, "unknown dtype 'X' (tensor 'w\\x1b\\x0a')"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal(safetensors_bytes(row.json, row.data)), row.reason) << row.json;
}

TEST(Safetensors, ChecksTheLengthWordBeforeItIsUsed) {
  EXPECT_EQ(refusal(""), "the file has 0 bytes, too few for a header");
  EXPECT_EQ(refusal("1234567"), "the file has 7 bytes, too few for a header");
  EXPECT_EQ(refusal(testing::length_word(~0ull) + "{}"),
            "a length of 18446744073709551615 bytes is above the limit of 100000000");
  EXPECT_EQ(refusal(testing::length_word(100'000'001) + "{}"),
            "a length of 100000001 bytes is above the limit of 100000000");
  EXPECT_EQ(refusal(testing::length_word(100'000'000) + "{}"),
            "it would end 99999998 bytes after the end of the file (cut off?)");
}

TEST(Safetensors, CountsTheMemoryThatAHeaderTakes) {
  std::string dims = "0";
  for (std::size_t i = 1; i < kMaxRank; ++i) dims += ",0";
  std::string json = "{";
  for (int i = 0; i < 250'000; ++i)
    json += (i == 0 ? "" : ",") + entry(std::to_string(i), "U8", "[" + dims + "]", "[0,0]");
  EXPECT_EQ(refusal(safetensors_bytes(json + "}", 0)), "its tensors take more than 201326592 bytes of memory");
}

TEST(Safetensors, KeepsItsLimits) {
  std::string shape = "[1";
  for (std::size_t i = 1; i < kMaxRank; ++i) shape += ",1";
  EXPECT_EQ(read_safetensors(file_of(safetensors_bytes("{" + entry("w", "U8", shape + "]", "[0,1]") + "}", 1)))
                .tensors.size(),
            1u);
  EXPECT_EQ(refusal(safetensors_bytes("{" + entry("w", "U8", shape + ",1]", "[0,1]") + "}", 1)),
            "more than 64 dimensions (tensor 'w')");
  const std::string name(kMaxTensorName + 1, 'n');
  const std::string message = refusal(safetensors_bytes("{" + entry(name, "U8", "[0]", "[0,0]") + "}", 0));
  EXPECT_TRUE(message.starts_with("a name of 1048577 bytes is too long (tensor 'nnn")) << message;
  EXPECT_LT(message.size(), 300u);
}

}  // namespace
}  // namespace brainsurgery
