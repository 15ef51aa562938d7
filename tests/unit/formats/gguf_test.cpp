#include "formats/gguf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "formats/decoded_file.h"
#include "formats/gguf_blocks.h"
#include "formats/gguf_metadata.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::file_of;
using testing::message_of;

std::string u32(std::uint32_t value) {
  std::string bytes;
  append_u32(bytes, value);
  return bytes;
}

std::string u64(std::uint64_t value) {
  std::string bytes;
  append_u64(bytes, value);
  return bytes;
}

std::string text(const std::string& value) { return u64(value.size()) + value; }

std::string pair(const std::string& key, std::uint32_t type, const std::string& value) {
  return text(key) + u32(type) + value;
}

// `dims` innermost first, as the file has them.
std::string tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                   std::uint64_t offset) {
  std::string bytes = text(name) + u32(static_cast<std::uint32_t>(dims.size()));
  for (const std::uint64_t dim : dims) bytes += u64(dim);
  return bytes + u32(type) + u64(offset);
}

std::string file_bytes(const std::vector<std::string>& pairs, const std::vector<std::string>& tensors,
                       const std::string& data, std::size_t alignment = 32) {
  std::string bytes = "GGUF" + u32(3) + u64(tensors.size()) + u64(pairs.size());
  for (const std::string& pair : pairs) bytes += pair;
  for (const std::string& tensor : tensors) bytes += tensor;
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  return bytes + data;
}

std::string refusal(const std::string& bytes) {
  const std::string prefix = "'x.gguf': invalid GGUF header: ";
  const std::string message = message_of([&] { static_cast<void>(read_gguf(file_of(bytes, "x.gguf"))); });
  EXPECT_TRUE(message.starts_with(prefix)) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message.substr(std::min(prefix.size(), message.size()));
}

TEST(Gguf, GivesPlainTensorsByOffsetWithTheirPlaces) {
  const std::string bytes =
      file_bytes({}, {tensor("late", {3, 2}, 1, 32), tensor("early", {}, 28, 0)}, std::string(32 + 12, '\7'));
  const auto file = file_of(bytes);
  const FileContents contents = read_gguf(file);
  ASSERT_EQ(contents.tensors.size(), 2u);
  const auto data = static_cast<std::int64_t>(bytes.size()) - 44;
  EXPECT_EQ(contents.tensors[0].name, "early");
  EXPECT_EQ(contents.tensors[0].desc, (TensorDesc{DType::F64, {}}));
  EXPECT_EQ(contents.tensors[0].offset, data);
  EXPECT_EQ(contents.tensors[1].desc, (TensorDesc{DType::F16, {2, 3}}));
  EXPECT_EQ(contents.tensors[1].offset, data + 32);
  EXPECT_EQ(contents.tensors[1].file, file);
  EXPECT_FALSE(contents.tensors[1].stored);
}

TEST(Gguf, KeepsTypedMetadataAsText) {
  const FileContents contents = read_gguf(file_of(file_bytes(
      {pair("a", 8, text("é")), pair("b", 4, u32(4000000000)), pair("c", 1, "\xff"), pair("d", 6, u32(0x3DCCCCCD)),
       pair("e", 7, "\1"), pair("f", 11, u64(0x8000000000000000)), pair("g", 12, u64(0x3FB999999999999A)),
       pair("h", 8, text("\xff\x1b")), pair("i", 9, u32(4) + u64(2) + u32(1) + u32(2)),
       pair("j", 9, u32(8) + u64(2) + text("q\"") + text("\xc3")),
       pair("k", 9, u32(0) + u64(17) + std::string(17, 'x')), pair("l", 6, u32(0x7FA00000)), pair("m:u8", 8, text("7")),
       pair("format", 8, text("pt")), pair("n", 9, u32(7) + u64(0))},
      {}, "")));
  EXPECT_EQ(
      contents.metadata,
      (Metadata{{"a", "é"},
                {"b:u32", "4000000000"},
                {"c:i8", "-1"},
                {"d:f32", "0.1"},
                {"e:bool", "true"},
                {"f:i64", "-9223372036854775808"},
                {"g:f64", "0.1"},
                {"h:string", "\"\\udcff\\u001b\""},
                {"i:u32[]", "[1, 2]"},
                {"j:string[]", "[\"q\\\"\", \"\\udcc3\"]"},
                {"k:u8[]", "[120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120, 120]"},
                {"l:f32", "0x7fa00000"},
                {"m:u8:string", "\"7\""},
                {"format:string", "\"pt\""},
                {"n:bool[]", "[]"}}));
  EXPECT_TRUE(contents.warnings.empty());
}

TEST(Gguf, OmitsMetadataAboveItsLimitAndSaysSo) {
  const std::string large(std::size_t{40} << 20, 'x');
  const FileContents contents = read_gguf(file_of(file_bytes(
      {pair("a", 8, text(large)), pair("b", 8, text(large)), pair("c", 9, u32(8) + u64(2) + text("y") + text(large)),
       pair("d", 9, u32(0) + u64(large.size()) + large), pair("e", 8, text("kept"))},
      {}, "")));
  ASSERT_EQ(contents.metadata.size(), 5u);
  EXPECT_EQ(contents.metadata[0].second.size(), large.size());
  EXPECT_EQ(contents.metadata[1], (Metadata::value_type{"b:omitted", "(41943040 bytes)"}));
  EXPECT_EQ(contents.metadata[2], (Metadata::value_type{"c:omitted", "(2 values of type string)"}));
  EXPECT_EQ(contents.metadata[3], (Metadata::value_type{"d:omitted", "(41943040 values of type u8)"}));
  EXPECT_EQ(contents.metadata[4], (Metadata::value_type{"e", "kept"}));
  EXPECT_EQ(contents.warnings,
            (std::vector<std::string>{"'x.safetensors': the metadata value of 'b' and 2 other values "
                                      "will not be written: metadata above 64 MiB are not kept"}));
}

TEST(Gguf, SaysThatBytesFollowTheTensors) {
  const auto warnings = [](std::size_t bytes) {
    return read_gguf(file_of(file_bytes({}, {tensor("t", {2}, 0, 0)}, std::string(bytes, 'x')))).warnings;
  };
  EXPECT_TRUE(warnings(8).empty());
  EXPECT_TRUE(warnings(32).empty());
  EXPECT_EQ(warnings(33), (std::vector<std::string>{"'x.safetensors': ignored 1 byte after the last tensor"}));
}

TEST(Gguf, SaysWhatIsWrong) {
  const std::string f32 = tensor("t", {2}, 0, 0);
  struct Row {
    std::string bytes, reason;
  };
  const std::vector<Row> rows = {
      {"", "it does not begin with 'GGUF'"},
      {"GGU", "it does not begin with 'GGUF'"},
      {"GGUF\3", "the file ends inside the version, at byte 5 (cut off?)"},
      {"GGUF" + u32(1) + u64(0), "version 1 is not read; versions 2 and 3 are"},
      {"GGUF" + u32(0x03000000), "the file is big-endian, which this version does not read"},
      {file_bytes({pair("k", 13, "x")}, {}, ""), "the metadata value of 'k' has the unknown type 13"},
      {file_bytes({pair("k", 7, "\2")}, {}, ""), "the metadata value of 'k' is a truth value other than 0 and 1"},
      {file_bytes({pair("k", 9, u32(9) + u64(0))}, {}, ""), "the metadata value of 'k' is an array of arrays"},
      {file_bytes({pair("k", 9, u32(10) + u64(5))}, {}, ""), "the file is too short for the 5 values of the array 'k'"},
      {file_bytes({pair("k", 9, u32(8) + u64(17) + std::string(17 * 8, '\x7f'))}, {}, ""),
       "the string of 9187201950435737471 bytes under 'k' is longer than the rest of the file"},
      {file_bytes({pair("k", 0, "x"), pair("k", 1, "x")}, {}, ""), "the metadata key 'k' appears twice"},
      {file_bytes({pair("\xff", 0, "x")}, {}, ""), "a metadata key is not UTF-8: '\\xff'"},
      {file_bytes({pair("general.alignment", 4, u32(24))}, {}, ""),
       "an alignment of 24 is not a power of two up to 1048576"},
      {file_bytes({pair("general.alignment", 10, u64(32))}, {}, ""),
       "'general.alignment' is not an unsigned 32-bit number"},
      {file_bytes({}, {tensor("t", {1, 1, 1, 1, 1}, 0, 0)}, "1234"),
       "it has 5 dimensions, the most are 4 (tensor 't')"},
      {file_bytes({}, {tensor("t", {1ull << 63}, 0, 0)}, "1234"), "a dimension is above 2^63 - 1 (tensor 't')"},
      {file_bytes({}, {tensor("t", {1ull << 32, 1ull << 32}, 0, 0)}, "1234"),
       "the shape overflows 64 bits (tensor 't')"},
      {file_bytes({}, {tensor("t", {1ull << 62, 1ull << 62, 0}, 0, 0)}, "1234"),
       "the shape overflows 64 bits (tensor 't')"},
      {file_bytes({}, {tensor("t", {0, 1ull << 62, 1ull << 62}, 0, 0)}, "1234"),
       "the shape overflows 64 bits (tensor 't')"},
      {file_bytes({}, {tensor("t", {1ull << 62}, 0, 0)}, "1234"), "the size overflows 64 bits (tensor 't')"},
      {file_bytes({}, {tensor("t", {2}, 31, 0)}, "1234"), "the type number 31 is unknown (tensor 't')"},
      {file_bytes({}, {tensor("t", {48, 2}, 2, 0)}, std::string(99, 'x')),
       "a row of 48 elements is not a multiple of the 32 of a block of type Q4_0 (tensor 't')"},
      {file_bytes({}, {tensor("t", {2}, 0, 8)}, std::string(99, 'x')),
       "its offset 8 is not a multiple of the alignment 32 (tensor 't')"},
      {file_bytes({}, {f32}, "1234567"),
       "its 8 bytes from data byte 0 on reach beyond the end of the file (cut off?) (tensor 't')"},
      {file_bytes({}, {f32}, "", 1),
       "its 8 bytes from data byte 0 on reach beyond the end of the file (cut off?) (tensor 't')"},
      {file_bytes({}, {tensor("t", {2}, 0, 0xFFFFFFFFFFFFFFE0)}, "12345678"),
       "its 8 bytes from data byte 18446744073709551584 on reach beyond the end of the file (cut off?) (tensor 't')"},
      {file_bytes({}, {tensor("a", {16}, 0, 0), tensor("b", {1}, 0, 32)}, std::string(99, 'x')),
       "its data overlap those of the tensor before (tensor 'b')"},
      {file_bytes({}, {f32, f32}, "12345678"), "the name appears twice (tensor 't')"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal(row.bytes), row.reason);
}

TEST(Gguf, ListsTypesThatItDoesNotDecodeAndSaysWhatHelpsWhereTheyAreRead) {
  const std::string bytes = file_bytes({}, {tensor("t", {256}, 16, 0)}, std::string(66, 'x'));
  const FileContents contents = read_gguf(file_of(bytes, "a.gguf"));
  ASSERT_EQ(contents.tensors.size(), 1u);
  EXPECT_EQ(contents.tensors[0].stored->type, "IQ2_XXS");
  std::vector<std::byte> value(4);
  EXPECT_EQ(message_of([&] { contents.tensors[0].file->read(0, value); }),
            "'a.gguf': 't' is of the type IQ2_XXS, which this version does not decode; convert the file with "
            "llama.cpp's 'llama-quantize --allow-requantize IN OUT F16'");
}

TEST(Gguf, EveryTruncationOfAHeaderIsRefused) {
  const std::string bytes = file_bytes({pair("general.architecture", 8, text("llama")), pair("n", 4, u32(3)),
                                        pair("list", 9, u32(8) + u64(20) + std::string(160, '\0'))},
                                       {tensor("w", {4, 2}, 0, 0)}, std::string(32, 'x'));
  ASSERT_EQ(read_gguf(file_of(bytes)).tensors.size(), 1u);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(refusal(bytes.substr(0, size)), "") << size;
}

TEST(Gguf, ReadsTheHeaderOnly) {
  const auto file = file_of(file_bytes({}, {tensor("w", {1 << 20}, 24, 0)}, std::string(1 << 20, 'x')));
  static_cast<void>(read_gguf(file));
  EXPECT_LE(file->bytes_read(), 1u << 16);
}

TEST(Gguf, DecodesBlocksToFloat32AndKeepsWhatIsStored) {
  std::string blocks;
  for (int b = 0; b < 4; ++b) {
    blocks += std::string("\0\x3c", 2);  // a scale of 1
    for (int i = 0; i < 32; ++i) blocks.push_back(static_cast<char>(32 * b + i - 64));
  }
  const std::string bytes = file_bytes({}, {tensor("q", {64, 2}, 8, 0)}, blocks);
  const auto file = file_of(bytes);
  const FileContents contents = read_gguf(file);
  ASSERT_EQ(contents.tensors.size(), 1u);
  const TensorEntry& q = contents.tensors[0];
  EXPECT_EQ(q.desc, (TensorDesc{DType::F32, {2, 64}}));
  ASSERT_TRUE(q.stored);
  EXPECT_EQ(q.stored->type, "Q8_0");
  EXPECT_EQ(q.stored->file, file);
  EXPECT_EQ(q.stored->offset, std::ssize(bytes) - std::ssize(blocks));
  EXPECT_EQ(q.stored->size, std::ssize(blocks));
  std::vector<float> values(128);
  q.file->read(q.offset, std::as_writable_bytes(std::span(values)));
  for (int i = 0; i < 128; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], static_cast<float>(i - 64));
}

// Any part that is asked for is that part of the whole, also where it begins or ends inside a block or an element.
TEST(DecodedFile, EveryPartIsAPartOfTheWhole) {
  std::string blocks;
  for (int i = 0; i < 40 * 18; ++i) blocks.push_back(static_cast<char>(i % 18 < 2 ? 0x31 + i % 7 : 37 * i));
  const auto file = file_of("head" + blocks);
  const DecodedFile decoded(file, 4, 40 * 32, *gguf_type(2), "w");
  const std::int64_t size = 40 * 32 * 4;
  EXPECT_TRUE(decoded.current_status().same_content(file->status()));
  std::vector<std::byte> whole(size);
  decoded.read(0, whole);
  EXPECT_TRUE(decoded.decodes());
  EXPECT_EQ(decoded.access(), FileAccess::ranges);
  for (std::int64_t begin = 0; begin < size; begin += 61) {
    for (const std::int64_t length : {0, 1, 3, 4, 127, 128, 129, 1000}) {
      if (begin + length > size) continue;
      std::vector<std::byte> part(static_cast<std::size_t>(length));
      decoded.read(begin, part);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + begin)) << begin << " " << length;
    }
  }
}

TEST(DecodedFile, ReadsOnlyTheBlocksThatAreNeeded) {
  const auto file = file_of(std::string(1000 * 144, '\0'));
  const DecodedFile decoded(file, 0, 1000 * 256, *gguf_type(12), "w");
  std::vector<std::byte> part(256 * 4 + 1);
  decoded.read(500 * 256 * 4, part);
  EXPECT_EQ(file->bytes_read(), 2u * 144);
}

// What a file of these tensors has, with a byte of its own for each content.
std::string written(const std::vector<StoredTensor>& tensors, const Metadata& metadata) {
  std::vector<std::int64_t> sizes;
  for (const StoredTensor& tensor : tensors) sizes.push_back(byte_count(tensor.desc.dtype, tensor.desc.shape));
  const FileLayout layout = layout_gguf({tensors, sizes, metadata});
  std::string bytes;
  for (const FileLayout::Piece& piece : layout.pieces()) {
    EXPECT_EQ(piece.offset, std::ssize(bytes));
    if (const auto* given = std::get_if<FileLayout::Given>(&piece.what)) {
      bytes += given->bytes;
    } else {
      const std::size_t number = std::get<FileLayout::Content>(piece.what).number;
      EXPECT_EQ(piece.size, sizes[number]);
      bytes.append(static_cast<std::size_t>(piece.size), static_cast<char>('a' + number));
    }
  }
  return bytes;
}

TEST(GgufLayout, IsReadBackAsItWasWritten) {
  const std::vector<StoredTensor> tensors = {{"a", {DType::F32, {2, 3}}, 0},       {"b", {DType::BF16, {5}}, 1},
                                             {"c", {DType::F16, {}}, 2},           {"d", {DType::I8, {1, 1, 7}}, 3},
                                             {"e", {DType::I64, {2, 1, 1, 2}}, 4}, {"f", {DType::F64, {1}}, 5},
                                             {"g", {DType::I16, {3}}, 6},          {"h", {DType::I32, {3}}, 7}};
  const Metadata metadata = {{"general.architecture", "llama"},
                             {"n:u32", "32"},
                             {"eps:f32", "1e-05"},
                             {"neg:i64", "-3"},
                             {"flag:bool", "false"},
                             {"name:f32:string", "\"no number\""}};
  const std::string bytes = written(tensors, metadata);
  const FileContents contents = read_gguf(file_of(bytes));
  ASSERT_EQ(contents.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(contents.tensors[i].name, tensors[i].name);
    EXPECT_EQ(contents.tensors[i].desc, tensors[i].desc);
    EXPECT_EQ(contents.tensors[i].offset % kGgufAlignment, 0);
    EXPECT_EQ(bytes[static_cast<std::size_t>(contents.tensors[i].offset)], static_cast<char>('a' + i));
  }
  EXPECT_EQ(contents.metadata, metadata);
  EXPECT_EQ(bytes.size() % kGgufAlignment, 0u);
}

TEST(GgufLayout, WritesMetadataAsTheyWereRead) {
  const std::vector<std::string> pairs = {
      pair("general.architecture", 8, text("llama")),
      pair("a", 8, text("\xff\n")),
      pair("b:u32", 8, text("7")),
      pair("format", 8, text("pt")),
      pair("c", 6, u32(0xFFA00001)),
      pair("d", 9, u32(8) + u64(2) + text("\xf0\x9f") + text("é\"")),
      pair("e", 9, u32(6) + u64(3) + u32(0x7F800000) + u32(0xFFC00000) + u32(0x3DCCCCCD)),
      pair("f", 9, u32(10) + u64(0)),
      pair("general.alignment", 4, u32(64)),
      pair("g:omitted", 8, text("x")),
      pair("h", 7, std::string(1, '\0'))};
  const std::string bytes = file_bytes(pairs, {}, "", 64);
  EXPECT_EQ(written({}, read_gguf(file_of(bytes)).metadata), bytes);
}

TEST(GgufLayout, TextThatOnlyLooksTypedIsKept) {
  const Metadata metadata = {{"general.architecture", "x"}, {"a:u8[]", "[1, 256]"},          {"b:string[]", "[\"x]"},
                             {"c:string", "no quotes"},     {"d:string[]", "[\"\\ud800\"]"}, {"e:u8[]", "[1 2]"}};
  const Metadata again = read_gguf(file_of(written({}, metadata))).metadata;
  ASSERT_EQ(again.size(), metadata.size());
  EXPECT_EQ(again[1], (Metadata::value_type{"a:u8[]:string", "\"[1, 256]\""}));
  EXPECT_EQ(again[3], (Metadata::value_type{"c:string:string", "\"no quotes\""}));
}

TEST(GgufLayout, LeavesOutWhatIsTrueOfAnotherFileOnly) {
  const Metadata metadata = {{"general.architecture", "x"},
                             {"general.file_type:u32", "2"},
                             {"general.quantization_version:u32", "2"},
                             {"split.count:u16", "3"},
                             {"tokens:omitted", "(9 values of type string)"},
                             {"general.alignment:u32", "24"},
                             {"format", "pt"}};
  EXPECT_EQ(read_gguf(file_of(written({{"t", {DType::F32, {32}}, 0}}, metadata))).metadata,
            (Metadata{{"general.architecture", "x"}}));
}

TEST(GgufLayout, KeepsBlocksWithTheirType) {
  const std::vector<StoredTensor> tensors = {{"q", {DType::F32, {3, 64}}, 0, 0, {}, "Q8_0"},
                                             {"f", {DType::F32, {2}}, 1}};
  const std::vector<std::int64_t> sizes = {3 * 2 * 34, 8};
  const Metadata metadata = {
      {"general.architecture", "x"}, {"general.file_type:u32", "7"}, {"general.quantization_version:u32", "2"}};
  const FileLayout layout = layout_gguf({tensors, sizes, metadata});
  std::string bytes = std::get<FileLayout::Given>(layout.pieces().front().what).bytes;
  bytes.resize(static_cast<std::size_t>(layout.size()));
  const FileContents contents = read_gguf(file_of(bytes));
  EXPECT_EQ(contents.metadata, metadata);
  ASSERT_EQ(contents.tensors.size(), 2u);
  EXPECT_EQ(contents.tensors[0].stored->type, "Q8_0");
  EXPECT_EQ(contents.tensors[0].desc, tensors[0].desc);
  EXPECT_EQ(contents.tensors[0].stored->size, sizes[0]);
}

TEST(GgufLayout, SaysWhatAFileCannotHold) {
  const auto message = [](const StoredTensor& tensor) {
    return message_of([&] { static_cast<void>(written({tensor}, {})); });
  };
  const std::string prefix = "the tensor 't' cannot be written to a GGUF file: ";
  EXPECT_EQ(message({"t", {DType::U8, {2}}}), prefix + "there is no type for uint8; cast it first");
  EXPECT_EQ(message({"t", {DType::F32, {1, 1, 1, 1, 1}}}), prefix + "5 dimensions are more than 4");
  EXPECT_EQ(message({"t", {DType::F32, {2, 0}}}), prefix + "its shape [2, 0] has no elements");
  EXPECT_NE(message({std::string(64, 'n'), {DType::F32, {2}}}).find("its name is longer than 63 bytes; rename it"),
            std::string::npos);
  EXPECT_EQ(message({std::string(63, 'n'), {DType::F32, {2}}}), "");
  EXPECT_EQ(message_of([] {
              static_cast<void>(written({}, {{"k:u8", "1"}, {"k:i8", "1"}}));
            }),
            "the metadata have two values for the GGUF key 'k'");
}

}  // namespace
}  // namespace brainsurgery
