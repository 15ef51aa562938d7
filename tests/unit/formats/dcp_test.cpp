#include "formats/dcp.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/pickle_writer.h"
#include "formats/safetensors.h"
#include "unit/formats/layout_bytes.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::file_of;
using testing::message_of;

constexpr const char* kModule = "torch.distributed.checkpoint.metadata";

FileContents read(const std::string& metadata, const std::string& data = "") {
  return read_dcp(*file_of(metadata, ".metadata"), [&](const std::string& name) { return file_of(data, name); });
}

std::string refusal(const std::string& metadata, const std::string& data = "") {
  return message_of([&] { static_cast<void>(read(metadata, data)); });
}

// The files of one model of a tensor for each name.
std::pair<std::string, std::string> written_for(const std::vector<std::string>& names) {
  std::vector<StoredTensor> tensors;
  for (std::size_t i = 0; i < names.size(); ++i) tensors.push_back({names[i], {DType::I16, {2, 3}}, i});
  const std::vector<std::int64_t> sizes(names.size(), 12);
  const std::vector<std::string> contents(names.size(), std::string(12, 'x'));
  const std::vector<NamedLayout> files = layout_dcp({tensors, sizes, {}});
  return {testing::written(files[1].layout, {}), testing::written(files[0].layout, contents)};
}

TEST(Dcp, IsReadBack) {
  const auto [metadata, data] = written_for({"b", "a"});
  const FileContents got = read(metadata, data);
  ASSERT_EQ(got.tensors.size(), 2u);
  EXPECT_EQ(got.tensors[0].name, "b");
  EXPECT_EQ(got.tensors[1].desc, (TensorDesc{DType::I16, {2, 3}}));
  EXPECT_EQ(data.substr(static_cast<std::size_t>(got.tensors[1].offset), 12), std::string(12, 'x'));
}

// PyTorch counts pairs of them.
TEST(Dcp, HoldsFourBitNumbers) {
  const std::vector<StoredTensor> tensors{{"w", {DType::F4, {3, 8}}, 0}};
  const std::vector<std::int64_t> sizes{12};
  const std::vector<NamedLayout> files = layout_dcp({tensors, sizes, {}});
  const FileContents got =
      read(testing::written(files[1].layout, {}), testing::written(files[0].layout, {std::string(12, 'x')}));
  ASSERT_EQ(got.tensors.size(), 1u);
  EXPECT_EQ(got.tensors[0].desc, tensors[0].desc);
}

// An object of more fields than any of PyTorch's would be searched again and again.
TEST(Dcp, LimitsTheFieldsOfAnObject) {
  const auto metadata_of = [](int fields) {
    PickleWriter pickle;
    pickle.global(kModule, "Metadata");
    pickle.empty_tuple();
    pickle.new_object();
    pickle.empty_dict();
    pickle.mark();
    for (int i = 0; i < fields; ++i) {
      pickle.text("field " + std::to_string(i));
      pickle.none();
    }
    pickle.set_items();
    pickle.build();
    return pickle.finish();
  };
  EXPECT_EQ(refusal(metadata_of(64)), "'.metadata': invalid DCP metadata: the field 'storage_data' is missing");
  EXPECT_EQ(refusal(metadata_of(65)), "'.metadata': invalid DCP metadata: an object has more than 64 fields");
}

TEST(Dcp, LimitsNames) {
  const auto [metadata, data] = written_for({std::string(kMaxTensorName + 1, 'n')});
  EXPECT_EQ(refusal(metadata, data), "'.metadata': invalid DCP metadata: a name is longer than 1048576 bytes");
}

}  // namespace
}  // namespace brainsurgery
