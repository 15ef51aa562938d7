#include "formats/npy_header.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::message_of;

std::string with_header(const std::string& dict, char major = 1) {
  std::string bytes = std::string("\x93NUMPY") + major + '\0';
  const std::size_t length = dict.size();
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) bytes += static_cast<char>(length >> 8 * i & 0xFF);
  return bytes + dict;
}

NpyHeader parse(const std::string& bytes, std::int64_t data) {
  return parse_npy_header(bytes, std::ssize(bytes) + data, "x");
}

std::string refusal(const std::string& bytes, std::int64_t data = 8) {
  const std::string message = message_of([&] { static_cast<void>(parse(bytes, data)); });
  EXPECT_TRUE(message.starts_with("x: ")) << message;
  return message.substr(std::min<std::size_t>(3, message.size()));
}

TEST(NpyHeader, IsReadInAllVersions) {
  const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
  for (const char major : {'\1', '\2', '\3'}) {
    const std::string bytes = with_header(dict, major);
    const NpyHeader header = parse(bytes, 24);
    EXPECT_EQ(header.desc, (TensorDesc{DType::F32, {2, 3}}));
    EXPECT_FALSE(header.column_major);
    EXPECT_FALSE(header.big_endian);
    EXPECT_EQ(header.data_begin, std::ssize(bytes));
  }
}

TEST(NpyHeader, KeysComeInAnyOrderAndBlanksAreFree) {
  const NpyHeader header =
      parse(with_header("\t{ \"shape\" :( 2L , 1 , ) , 'fortran_order' : True,\n'descr':\">c8\" } "), 16);
  EXPECT_EQ(header.desc, (TensorDesc{DType::C64, {2, 1}}));
  EXPECT_TRUE(header.column_major);
  EXPECT_TRUE(header.big_endian);
}

TEST(NpyHeader, KnowsTheTypesInEveryByteOrder) {
  const std::vector<std::pair<std::string, DType>> types = {
      {"b1", DType::BOOL}, {"i1", DType::I8},  {"i2", DType::I16}, {"i4", DType::I32},  {"i8", DType::I64},
      {"u1", DType::U8},   {"u2", DType::U16}, {"u4", DType::U32}, {"u8", DType::U64},  {"f2", DType::F16},
      {"f4", DType::F32},  {"f8", DType::F64}, {"c8", DType::C64}, {"c16", DType::C128}};
  for (const auto& [text, dtype] : types) {
    for (const std::string order : {"<", ">", "|", "=", ""}) {
      const NpyHeader header = parse(
          with_header("{'descr': '" + order + text + "', 'fortran_order': False, 'shape': ()}"), item_size(dtype));
      EXPECT_EQ(header.desc, (TensorDesc{dtype, {}})) << order << text;
      EXPECT_EQ(header.big_endian, order == ">");
    }
  }
}

TEST(NpyHeader, SaysWhatIsWrong) {
  const auto dict = [](const std::string& descr, const std::string& order, const std::string& shape) {
    return with_header("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + "}");
  };
  const auto shaped = [&](const std::string& shape) { return dict("'<f4'", "False", shape); };
  const auto typed = [&](const std::string& descr) { return dict(descr, "False", "(2,)"); };
  struct Row {
    std::string bytes, reason;
  };
  const std::vector<Row> rows = {
      {"", "it does not begin with '\\x93NUMPY'"},
      {"\x93NUMPY\1", "it ends inside the version (cut off?)"},
      {std::string("\x93NUMPY\1\0\1", 9), "it ends inside the length of its header (cut off?)"},
      {std::string("\x93NUMPY\4\0\0\0", 10), "version 4.0 is not read; 1.0, 2.0 and 3.0 are"},
      {std::string("\x93NUMPY\1\1\0\0", 10), "version 1.1 is not read; 1.0, 2.0 and 3.0 are"},
      {std::string("\x93NUMPY\1\0\xff\xff", 10),
       "a header of 65535 bytes would end after the end of the file (cut off?)"},
      {std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12),
       "a header of 4294967295 bytes would end after the end of the file (cut off?)"},
      {with_header(std::string(10'001, ' ')), "a header of 10001 bytes is above the limit of 10000"},
      {with_header(""), "the header has no '{' at byte 0 of its dict"},
      {with_header("{"), "the header has no string at byte 1 of its dict"},
      {with_header("{}"), "the header has no 'descr'"},
      {with_header("{'descr': '<f4'}"), "the header has no 'fortran_order'"},
      {with_header("{'descr': '<f4', 'fortran_order': False}"), "the header has no 'shape'"},
      {with_header("{'descr': '<f4', 'descr': '<f4'}"), "the header has the key 'descr' twice"},
      {with_header("{'x': 1}"), "the header has the unknown key 'x'"},
      {with_header("{'descr' '<f4'}"), "the header has no ':' at byte 9 of its dict"},
      {with_header("{'descr': '<f4' 'shape'}"), "the header has no ',' or '}' at byte 16 of its dict"},
      {with_header("{'descr': '<f4"), "the header has no end of a string at byte 14 of its dict"},
      {with_header("{'de\\x73cr': '<f4'}"), "the header has no end of a string at byte 4 of its dict"},
      {with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x"), "the header goes on after its dict"},
      {dict("'<f4'", "0", "(2,)"), "the header has no True or False at byte 34 of its dict"},
      {shaped("2"), "the header has no tuple at byte 50 of its dict"},
      {shaped("(2)"), "the 'shape' of the header is not a tuple"},
      {shaped("(2,,)"), "the header has no integer at byte 53 of its dict"},
      {shaped("(2 3)"), "the header has no ',' at byte 53 of its dict"},
      {shaped("(02,)"), "the header has no integer at byte 51 of its dict"},
      {shaped("(1+1,)"), "the header has no ',' at byte 52 of its dict"},
      {shaped("(-1,)"), "a dimension is negative"},
      {shaped("(--1,)"), "the header has no integer at byte 52 of its dict"},
      {shaped("(9223372036854775808,)"), "a dimension is above 2^63 - 1"},
      {shaped("(4611686018427387904, 4)"), "the size of the shape [4611686018427387904, 4] overflows 64 bits"},
      {shaped("(1,)"), "F32 [1] needs 4 bytes of data, the file has 8"},
      {shaped("(3,)"), "F32 [3] needs 12 bytes of data, the file has 8 (cut off?)"},
      {typed("'|O'"), "its elements are Python objects; reading them could run code, so they are not read"},
      {typed("[('a', '<f4')]"), "its elements are records, which are not read"},
      {typed("('<f4', (2,))"), "its elements are records, which are not read"},
      {typed("'<V2'"),
       "its elements are bytes without a type ('<V2'), as bfloat16 and 8-bit floats become; save them as float32 or "
       "as integers"},
      {typed("'<U5'"), "elements of type '<U5' are not read"},
      {typed("'<f16'"), "elements of type '<f16' are not read"},
      {typed("''"), "elements of type '' are not read"},
      {typed("__import__('os')"), "the header has no string at byte 10 of its dict"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(refusal(row.bytes), row.reason);
  }
  std::string deep = "(";
  for (int i = 0; i < 65; ++i) deep += "1, ";
  EXPECT_EQ(refusal(shaped(deep + ")")), "it has more than 64 dimensions");
}

TEST(NpyHeader, EveryTruncationIsRefused) {
  const std::string bytes = npy_header({DType::F32, {2}}, "") + "12345678";
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(refusal(bytes.substr(0, size), 0), "") << size;
}

// Recorded from numpy.save of NumPy 2.4.
TEST(NpyHeader, IsWrittenAsNumpyWritesIt) {
  const auto expect = [](const TensorDesc& desc, const std::string& dict, std::size_t size) {
    const std::string header = npy_header(desc, "");
    EXPECT_EQ(header.substr(10, dict.size()), dict);
    EXPECT_EQ(header.size(), size);
    EXPECT_EQ(header.substr(10 + dict.size()), std::string(size - 11 - dict.size(), ' ') + "\n");
  };
  expect({DType::F32, {2, 3}}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 128);
  expect({DType::BOOL, {7}}, "{'descr': '|b1', 'fortran_order': False, 'shape': (7,), }", 128);
  expect({DType::F64, {}}, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 128);
  EXPECT_EQ(message_of([] {
              static_cast<void>(npy_header({DType::BF16, {2}}, "w"));
            }),
            "a NumPy file cannot hold 'w', which is bfloat16; cast it first");
}

TEST(NpyHeader, IsReadBackAsItWasWritten) {
  for (const DType dtype : {DType::BOOL, DType::U8, DType::I8, DType::I16, DType::U16, DType::F16, DType::I32,
                            DType::U32, DType::F32, DType::C64, DType::F64, DType::I64, DType::U64, DType::C128}) {
    Shape shape;
    for (int rank = 0; rank < 30; ++rank, shape.push_back(rank == 7 ? 3 : 1)) {
      const std::string bytes = npy_header({dtype, shape}, "");
      EXPECT_EQ(bytes.size() % 64, 0u);
      const NpyHeader header = parse(bytes, byte_count(dtype, shape));
      EXPECT_EQ(header.desc, (TensorDesc{dtype, shape}));
      EXPECT_EQ(header.data_begin, std::ssize(bytes));
    }
  }
}

}  // namespace
}  // namespace brainsurgery
