#include "formats/npy.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "formats/npy_header.h"
#include "formats/zip_writer.h"
#include "support/temp_dir.h"
#include "unit/formats/layout_bytes.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::file_of;
using testing::message_of;

// The header that numpy writes, with another type or order of the same length.
std::string header_with(const TensorDesc& desc, const std::string& from, const std::string& to) {
  std::string header = npy_header(desc, "");
  return header.replace(header.find(from), from.size(), to);
}

TensorEntry only_tensor(const std::string& bytes) {
  FileContents contents = read_npy(file_of(bytes));
  EXPECT_EQ(contents.tensors.size(), 1u);
  return contents.tensors.at(0);
}

TEST(Npy, GivesOneTensorWithoutAName) {
  const std::string header = npy_header({DType::I16, {2, 3}}, "");
  const auto file = file_of(header + std::string(12, '\1'));
  const FileContents contents = read_npy(file);
  ASSERT_EQ(contents.tensors.size(), 1u);
  EXPECT_EQ(contents.tensors[0].name, "");
  EXPECT_EQ(contents.tensors[0].desc, (TensorDesc{DType::I16, {2, 3}}));
  EXPECT_EQ(contents.tensors[0].file, file);
  EXPECT_EQ(contents.tensors[0].offset, std::ssize(header));
  EXPECT_TRUE(contents.tensors[0].strides.empty());
}

TEST(Npy, ColumnMajorArraysHaveStrides) {
  const TensorEntry matrix = only_tensor(header_with({DType::U8, {2, 3, 4}}, "False", "True ") + std::string(24, 'x'));
  EXPECT_EQ(matrix.strides, (std::vector<std::int64_t>{1, 2, 6}));
  const TensorEntry row = only_tensor(header_with({DType::U8, {1, 3, 1}}, "False", "True ") + "abc");
  EXPECT_TRUE(row.strides.empty());  // both orders are the same
}

TEST(Npy, BigEndianElementsAreSwapped) {
  const auto bytes_of = [](const TensorEntry& tensor, std::size_t size) {
    std::string bytes(size, '\0');
    tensor.file->read(tensor.offset, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  };
  EXPECT_EQ(bytes_of(only_tensor(header_with({DType::I32, {2}}, "<", ">") + "abcdefgh"), 8), "dcbahgfe");
  // A complex number is two of half its size.
  EXPECT_EQ(bytes_of(only_tensor(header_with({DType::C64, {1}}, "<", ">") + "abcdefgh"), 8), "dcbahgfe");
  EXPECT_EQ(bytes_of(only_tensor(header_with({DType::I8, {3}}, "|", ">") + "abc"), 3), "abc");
}

TEST(Npy, ReadsTheHeaderOnly) {
  const auto file = file_of(npy_header({DType::U8, {1 << 20}}, "") + std::string(1 << 20, 'x'));
  static_cast<void>(read_npy(file));
  EXPECT_LE(file->bytes_read(), static_cast<std::size_t>(kMaxNpyHead));
}

TEST(NpyLayout, IsTheHeaderAndTheElements) {
  const std::vector<StoredTensor> tensors = {{"w", {DType::F32, {2, 3}}, 0}};
  const std::vector<std::int64_t> sizes = {24};
  const FileLayout layout = layout_npy({tensors, sizes, {}});
  ASSERT_EQ(layout.pieces().size(), 2u);
  EXPECT_EQ(std::get<FileLayout::Given>(layout.pieces()[0].what).bytes, npy_header({DType::F32, {2, 3}}, "w"));
  EXPECT_EQ(std::get<FileLayout::Content>(layout.pieces()[1].what).number, 0u);
  EXPECT_EQ(layout.size(), 128 + 24);
  EXPECT_EQ(message_of([] { static_cast<void>(layout_npy({{}, {}, {}})); }), "an npy file holds one array, not 0");
}

TEST(Npz, NamesTensorsByTheirEntries) {
  const std::string path = BS_TEST_DATA "/corpus/npy/101_deflated.npz";
  const FileContents contents = read_npz(file_of(testing::read_file(path), "a.npz"));
  ASSERT_EQ(contents.tensors.size(), 5u);
  EXPECT_EQ(contents.tensors[0].name, "layers.0.self_attn.a_name_longer_than_a_short_look");
  EXPECT_EQ(contents.tensors[0].strides, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(contents.warnings, std::vector<std::string>{"'a.npz': 'notes.txt' in it is not an array and is not read"});
}

TEST(Npz, SaysWhichEntryIsWrong) {
  std::string bytes = testing::read_file(BS_TEST_DATA "/corpus/npy/020_npz_good.npz");
  bytes.replace(bytes.find("<f4"), 3, "<f2");
  EXPECT_EQ(message_of([&] { static_cast<void>(read_npz(file_of(bytes, "a.npz"))); }),
            "'a.npz': invalid npz archive: entry 'a.npy': F16 [2] needs 4 bytes of data, the file has 8");
}

std::string npz_bytes(const std::vector<StoredTensor>& tensors, const std::vector<std::string>& contents) {
  std::vector<std::int64_t> sizes;
  for (const std::string& content : contents) sizes.push_back(std::ssize(content));
  return testing::written(layout_npz({tensors, sizes, {}}), contents);
}

TEST(NpzLayout, IsReadBackWithAlignedData) {
  const std::string long_name(3000, 'n');
  const std::vector<StoredTensor> tensors = {{"w", {DType::F32, {2, 3}}, 0},
                                             {"kopf/größe", {DType::I64, {}}, 1},
                                             {long_name, {DType::BOOL, {0, 2}}, 2},
                                             {"", {DType::C64, {1}}, 3}};
  const std::vector<std::string> contents = {std::string(24, 'w'), "12345678", "", "abcdefgh"};
  const std::string bytes = npz_bytes(tensors, contents);
  const FileContents got = read_npz(file_of(bytes, "a.npz"));
  ASSERT_EQ(got.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(got.tensors[i].name, tensors[i].name);
    EXPECT_EQ(got.tensors[i].desc, tensors[i].desc);
    EXPECT_EQ(got.tensors[i].offset % kZipAlignment, 0);
    EXPECT_EQ(bytes.substr(static_cast<std::size_t>(got.tensors[i].offset), contents[i].size()), contents[i]);
  }
  // Names beyond ASCII are marked as UTF-8, in both headers.
  const auto flags = [&](std::size_t header, std::size_t at) { return static_cast<unsigned char>(bytes[header + at]); };
  EXPECT_EQ(flags(bytes.find("PK\x03\x04"), 7), 0);
  EXPECT_EQ(flags(bytes.find("kopf") - 30, 7), 8);
  EXPECT_EQ(flags(bytes.rfind("kopf") - 46, 9), 8);
}

TEST(NpzLayout, SaysWhatAnArchiveCannotHold) {
  const auto refusal = [](std::string name, DType dtype) {
    return message_of([&] { static_cast<void>(npz_bytes({{std::move(name), {dtype, {1}}, 0}}, {"xxxx"})); });
  };
  EXPECT_EQ(refusal("w", DType::BF16), "a NumPy file cannot hold 'w', which is bfloat16; cast it first");
  EXPECT_EQ(refusal("/w", DType::F32), "an npz archive cannot hold '/w': its name leads out of the archive; rename it");
  EXPECT_EQ(refusal("a/../w", DType::F32),
            "an npz archive cannot hold 'a/../w': its name leads out of the archive; rename it");
  EXPECT_EQ(refusal(std::string("a\0b", 3), DType::F32),
            "an npz archive cannot hold 'a\\x00b': its name holds a NUL; rename it");
  EXPECT_NE(refusal(std::string(0xFFFF, 'n'), DType::F32).find("its name is too long"), std::string::npos);
  EXPECT_EQ(message_of([] { static_cast<void>(npz_bytes({}, {})); }),
            "NumPy cannot read an npz archive without arrays");
}

}  // namespace
}  // namespace brainsurgery
