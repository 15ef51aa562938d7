#include "formats/dcp.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/pickle_writer.h"
#include "formats/safetensors.h"
#include "formats/zip_writer.h"
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
  const std::vector<NamedLayout> files = layout_dcp({tensors, sizes, {}}).files;
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

// Scheduler states, byte streams, and in which dicts and lists all of it stands.
TEST(Dcp, KeepsWhatIsNotATensor) {
  const std::vector<StoredTensor> tensors{{"app.model.a.w", {DType::I16, {2}}, 0},
                                          {"app.model.new", {DType::I16, {2}}, 1},
                                          {"app.list.9", {DType::I16, {2}}, 2},
                                          {"alone", {DType::I16, {2}}, 3}};
  const std::vector<std::int64_t> sizes{4, 4, 4, 4, 3, 0};
  const std::vector<StoredBytes> objects{{"app.model.state", 4}, {"app.list.0.lr", 5}};
  CheckpointExtras extras;
  extras.paths = {{"app.model.a.w", {"app", "model", "a.w"}},
                  {"app.list.0.lr", {"app", "list", 0, "lr"}},
                  {"app.model.state", {"app", "model", "state"}}};
  extras.has_dotted_keys = true;
  FileRequest request{tensors, sizes, {}};
  request.objects = objects;
  request.extras = &extras;
  const std::vector<NamedLayout> files = layout_dcp(request).files;
  const std::string data = testing::written(files[0].layout, {"aaaa", "bbbb", "cccc", "dddd", "xyz", ""});
  const FileContents got = read(testing::written(files[1].layout, {}), data);
  EXPECT_EQ(got.tensors.size(), 4u);
  ASSERT_NE(got.extras, nullptr);
  ASSERT_EQ(got.extras->objects.size(), 2u);
  const StoredObject& state = got.extras->objects[0];
  EXPECT_EQ(state.name, "app.model.state");
  EXPECT_EQ(data.substr(static_cast<std::size_t>(state.offset), static_cast<std::size_t>(state.size)), "xyz");
  EXPECT_EQ(got.extras->objects[1].size, 0);
  auto paths = extras.paths;
  paths["app.model.new"] = {"app", "model", "new"};
  paths["app.list.9"] = {"app", "list.9"};  // a list cannot have the key '9'
  EXPECT_EQ(got.extras->paths, paths);
  EXPECT_EQ(got.warnings, (std::vector<std::string>{
                              "non-tensor entries, which only a dcp output keeps: 'app.model.state' and 1 more"}));

  const std::vector<StoredTensor> container{{"app.model", {DType::I16, {2}}, 0}};
  request.tensors = container;
  EXPECT_EQ(message_of([&] { static_cast<void>(layout_dcp(request)); }), "'app.model' is the name of a container too");
}

// PyTorch counts pairs of them.
TEST(Dcp, HoldsFourBitNumbers) {
  const std::vector<StoredTensor> tensors{{"w", {DType::F4, {3, 8}}, 0}};
  const std::vector<std::int64_t> sizes{12};
  const std::vector<NamedLayout> files = layout_dcp({tensors, sizes, {}}).files;
  const FileContents got =
      read(testing::written(files[1].layout, {}), testing::written(files[0].layout, {std::string(12, 'x')}));
  ASSERT_EQ(got.tensors.size(), 1u);
  EXPECT_EQ(got.tensors[0].desc, tensors[0].desc);
}

template <typename Fields>
void append_object(PickleWriter& pickle, const char* module, const char* name, const Fields& fields) {
  pickle.global(module, name);
  pickle.empty_tuple();
  pickle.new_object();
  pickle.empty_dict();
  pickle.mark();
  fields();
  pickle.set_items();
  pickle.build();
}

// The metadata of the tensor 'w' of shape [2, 3], whose parts stand behind each other.
std::string metadata_of(int parts, std::int64_t length) {
  PickleWriter pickle;
  append_object(pickle, kModule, "Metadata", [&] {
    pickle.text("state_dict_metadata");
    pickle.empty_dict();
    pickle.mark();
    pickle.text("w");
    append_object(pickle, kModule, "TensorStorageMetadata", [&] {
      pickle.text("properties");
      pickle.global(kModule, "TensorProperties");
      pickle.empty_tuple();
      pickle.new_object();
      pickle.global("torch", "float32");
      pickle.one_tuple();
      pickle.build();
      pickle.text("size");
      pickle.integers(Shape{2, 3});
    });
    pickle.set_items();
    pickle.text("storage_data");
    pickle.empty_dict();
    pickle.mark();
    for (int part = 0; part < parts; ++part) {
      append_object(pickle, kModule, "MetadataIndex", [&] {
        pickle.text("fqn");
        pickle.text("w");
        pickle.text("offset");
        pickle.integers(Shape{part, 0});
      });
      append_object(pickle, "torch.distributed.checkpoint.filesystem", "_StorageInfo", [&] {
        pickle.text("relative_path");
        pickle.text("__0_0.distcp");
        pickle.text("offset");
        pickle.integer(part * length);
        pickle.text("length");
        pickle.integer(length);
      });
    }
    pickle.set_items();
  });
  return pickle.finish();
}

// The metadata do not say that a tensor is of a class of another library; its archive does.
TEST(Dcp, ListsWhatCannotBeRead) {
  PickleWriter pickle;
  pickle.global("torch._utils", "_rebuild_wrapper_subclass");
  pickle.mark();
  pickle.global("other.library", "Int8Tensor");
  pickle.global("torch", "float32");
  pickle.integers(Shape{2, 3});
  pickle.integers(Shape{3, 1});
  pickle.tuple();
  pickle.call();
  FileLayout layout;
  ZipWriter zip(layout);
  zip.add("archive/data.pkl", pickle.finish());
  zip.add("archive/version", "3\n");
  zip.finish();
  const std::string archive = testing::written(layout, {});
  const FileContents got = read(metadata_of(1, std::ssize(archive)), archive);
  ASSERT_EQ(got.tensors.size(), 1u);
  EXPECT_EQ(got.tensors[0].unreadable, "other.library.Int8Tensor float32");
  EXPECT_EQ(got.tensors[0].desc.shape, (Shape{2, 3}));
  EXPECT_EQ(got.tensors[0].file->path(), "__0_0.distcp");
  EXPECT_EQ(refusal(metadata_of(2, std::ssize(archive)), archive + archive),
            "'.metadata': invalid DCP metadata: a part of 'w' is other.library.Int8Tensor float32, whose elements "
            "cannot be read");
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
