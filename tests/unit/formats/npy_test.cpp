#include "formats/npy.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "formats/npy_header.h"
#include "support/temp_dir.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::file_of;
using testing::message_of;

// The header that numpy writes, with another type or order of the same length.
std::string header_with(const TensorDesc& desc, const std::string& from, const std::string& to) {
  std::string header = npy_header(desc);
  return header.replace(header.find(from), from.size(), to);
}

TensorEntry only_tensor(const std::string& bytes) {
  FileContents contents = read_npy(file_of(bytes));
  EXPECT_EQ(contents.tensors.size(), 1u);
  return contents.tensors.at(0);
}

TEST(Npy, GivesOneTensorWithoutAName) {
  const std::string header = npy_header({DType::I16, {2, 3}});
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
  const auto file = file_of(npy_header({DType::U8, {1 << 20}}) + std::string(1 << 20, 'x'));
  static_cast<void>(read_npy(file));
  EXPECT_LE(file->bytes_read(), static_cast<std::size_t>(kMaxNpyHead));
}

TEST(NpyLayout, IsTheHeaderAndTheElements) {
  const std::vector<StoredTensor> tensors = {{"w", {DType::F32, {2, 3}}, 0}};
  const std::vector<std::int64_t> sizes = {24};
  const FileLayout layout = layout_npy({tensors, sizes, {}});
  ASSERT_EQ(layout.pieces().size(), 2u);
  EXPECT_EQ(std::get<FileLayout::Given>(layout.pieces()[0].what).bytes, npy_header({DType::F32, {2, 3}}));
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

}  // namespace
}  // namespace brainsurgery
