#include "formats/dcp.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "formats/dcp_nesting.h"
#include "formats/pickle_writer.h"
#include "formats/torch_layout.h"
#include "formats/zip_writer.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kModule = "torch.distributed.checkpoint.metadata";
constexpr std::string_view kDataFile = "__0_0.distcp";

struct ByteRange {
  std::int64_t begin = 0, size = 0;
};

// Writes the metadata pickle: objects of the classes that torch.distributed.checkpoint reads.
class MetadataWriter {
 public:
  void object(std::string_view module, std::string_view name) {
    pickle_.global(module, name);
    pickle_.empty_tuple();
    pickle_.new_object();
  }
  void size(std::span<const std::int64_t> sizes) {
    pickle_.global("torch", "Size");
    pickle_.integers(sizes);
    pickle_.one_tuple();
    pickle_.call();
  }
  // The fields between are the object's state.
  void begin_fields() {
    pickle_.empty_dict();
    pickle_.mark();
  }
  void end_fields() {
    pickle_.set_items();
    pickle_.build();
  }
  void properties(DType dtype) {
    object(kModule, "TensorProperties");
    pickle_.mark();
    pickle_.global("torch", info(dtype).torch_name);
    pickle_.global("torch.serialization", "_get_layout");
    pickle_.known_text("torch.strided");
    pickle_.one_tuple();
    pickle_.call();
    pickle_.boolean(false);  // requires_grad
    pickle_.global(kModule, "_MEM_FORMAT_ENCODING");
    pickle_.integer(0);  // contiguous
    pickle_.one_tuple();
    pickle_.call();
    pickle_.boolean(false);  // pin_memory
    pickle_.tuple();
    pickle_.build();
  }
  void tensor(const StoredTensor& tensor) {
    const Shape sizes = torch_sizes(tensor);
    const Shape origin(sizes.size(), 0);
    object(kModule, "TensorStorageMetadata");
    begin_fields();
    pickle_.known_text("properties");
    properties(tensor.desc.dtype);
    pickle_.known_text("size");
    size(sizes);
    pickle_.known_text("chunks");
    pickle_.empty_list();
    object(kModule, "ChunkStorageMetadata");
    begin_fields();
    pickle_.known_text("offsets");
    size(origin);
    pickle_.known_text("sizes");
    size(sizes);
    end_fields();
    pickle_.append();
    end_fields();
  }
  void object_description() { object(kModule, "BytesStorageMetadata"); }
  // Where the tensor stands in the data file.
  void place(const StoredTensor& tensor, ByteRange range) {
    place(tensor.name, range, [&] {
      pickle_.known_text("index");
      pickle_.integer(0);
      pickle_.known_text("offset");
      size(Shape(tensor.desc.shape.size(), 0));
    });
  }
  void place(const StoredBytes& bytes, ByteRange range) {
    place(bytes.name, range, [&] {
      for (const std::string_view field : {"index", "offset"}) {
        pickle_.known_text(field);
        pickle_.none();
      }
    });
  }
  void path(const ContainerPath& path) {
    pickle_.mark();
    for (const auto& key : path) {
      if (const auto* text = std::get_if<std::string>(&key)) {
        pickle_.known_text(*text);
      } else {
        pickle_.integer(std::get<std::int64_t>(key));
      }
    }
    pickle_.tuple();
  }
  PickleWriter& pickle() { return pickle_; }

 private:
  template <typename Part>
  void place(std::string_view name, ByteRange range, const Part& which_part) {
    object(kModule, "MetadataIndex");
    begin_fields();
    pickle_.known_text("fqn");
    pickle_.known_text(name);
    which_part();
    end_fields();
    object("torch.distributed.checkpoint.filesystem", "_StorageInfo");
    begin_fields();
    pickle_.known_text("relative_path");
    pickle_.known_text(kDataFile);
    pickle_.known_text("offset");
    pickle_.integer(range.begin);
    pickle_.known_text("length");
    pickle_.integer(range.size);
    end_fields();
  }

  PickleWriter pickle_;
};

}  // namespace

DirectoryLayout layout_dcp(const FileRequest& request) {
  FileLayout data;
  std::vector<ByteRange> tensor_places, object_places;
  for (const StoredTensor& tensor : request.tensors) {
    const std::int64_t padding = (kZipAlignment - data.size() % kZipAlignment) % kZipAlignment;
    if (padding > 0) data.add(std::string(static_cast<std::size_t>(padding), '\0'));
    const std::int64_t begin = data.size();
    append_torch_tensor(data, request, tensor);
    tensor_places.push_back({begin, data.size() - begin});
  }
  for (const StoredBytes& object : request.objects) {
    const std::int64_t size = request.content_bytes[object.content];
    object_places.push_back({data.size(), size});
    data.add_content(object.content, size);
  }
  MetadataWriter writer;
  PickleWriter& pickle = writer.pickle();
  writer.object(kModule, "Metadata");
  writer.begin_fields();
  pickle.known_text("state_dict_metadata");
  pickle.empty_dict();
  pickle.mark();
  for (const StoredTensor& tensor : request.tensors) {
    pickle.known_text(tensor.name);
    writer.tensor(tensor);
  }
  for (const StoredBytes& object : request.objects) {
    pickle.known_text(object.name);
    writer.object_description();
  }
  pickle.set_items();
  pickle.known_text("planner_data");
  pickle.empty_dict();
  pickle.mark();
  const DcpNesting nesting(request);
  const auto write_path = [&](std::string_view name) {
    pickle.known_text(name);
    writer.path(nesting.path_of(name));
  };
  for (const StoredTensor& tensor : request.tensors) write_path(tensor.name);
  for (const StoredBytes& object : request.objects) write_path(object.name);
  pickle.set_items();
  pickle.known_text("storage_data");
  pickle.empty_dict();
  pickle.mark();
  for (std::size_t i = 0; i < request.tensors.size(); ++i) writer.place(request.tensors[i], tensor_places[i]);
  for (std::size_t i = 0; i < request.objects.size(); ++i) writer.place(request.objects[i], object_places[i]);
  pickle.set_items();
  pickle.known_text("storage_meta");
  pickle.none();
  pickle.known_text("version");
  pickle.known_text("1.0.0");
  writer.end_fields();
  FileLayout metadata;
  metadata.add(pickle.finish());
  DirectoryLayout result{{}, nesting.warnings()};
  result.files.push_back({std::string(kDataFile), std::move(data)});
  result.files.push_back({std::string(kDcpMetadata), std::move(metadata)});
  return result;
}

}  // namespace brainsurgery
