#include "formats/torch_layout.h"

#include <map>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/pickle_writer.h"
#include "formats/torch_globals.h"
#include "formats/zip_writer.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kFolder = "archive/";  // torch.save takes it where a path gives no name
constexpr std::size_t kBatch = 1000;              // items set by one opcode, as Python's pickler does

[[noreturn]] void refuse_tensor(const StoredTensor& tensor, const std::string& why) {
  throw Error(ErrorCode::run, "a PyTorch file cannot hold " + in_quotes(tensor.name) + ", which is " + why);
}

// The archive of one pickle and its storages.
class ArchiveWriter {
 public:
  ArchiveWriter(FileLayout& layout, const FileRequest& request) : request_(request), zip_(layout) {}

  void write_dict() {
    pickle_.empty_dict();
    for (std::size_t i = 0; i < request_.tensors.size(); ++i) {
      if (i % kBatch == 0) pickle_.mark();
      pickle_.text(request_.tensors[i].name);
      tensor(request_.tensors[i]);
      if (i % kBatch == kBatch - 1 || i + 1 == request_.tensors.size()) pickle_.set_items();
    }
    finish();
  }
  void write_tensor(const StoredTensor& stored) {
    tensor(stored);
    finish();
  }

 private:
  void tensor(const StoredTensor& stored);
  void storage(const StoredTensor& stored, std::string_view type);
  void finish();

  const FileRequest& request_;
  ZipWriter zip_;
  PickleWriter pickle_;
  std::map<std::size_t, std::size_t> keys_;  // by content
  std::vector<std::size_t> contents_;        // by key: in the order of their first use
};

void ArchiveWriter::storage(const StoredTensor& stored, std::string_view type) {
  const auto [at, is_new] = keys_.try_emplace(stored.content, contents_.size());
  if (is_new) contents_.push_back(stored.content);
  pickle_.mark();
  pickle_.known_text("storage");
  pickle_.global(type.empty() ? "torch.storage" : "torch", type.empty() ? "UntypedStorage" : type);
  pickle_.text(std::to_string(at->second));
  pickle_.known_text("cpu");
  pickle_.integer(request_.content_bytes[stored.content] / (type.empty() ? 1 : item_size(stored.desc.dtype)));
  pickle_.tuple();
  pickle_.persistent();
}

void ArchiveWriter::tensor(const StoredTensor& stored) {
  const DTypeInfo& dtype = info(stored.desc.dtype);
  if (dtype.torch_name.empty()) refuse_tensor(stored, to_string(stored.desc.dtype));
  const Shape shape = torch_sizes(stored);
  const std::string_view type = storage_class_of(stored.desc.dtype);
  pickle_.global("torch._utils", type.empty() ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
  pickle_.mark();
  storage(stored, type);
  pickle_.integer(stored.offset);
  pickle_.integers(shape);
  pickle_.integers(stored.strides.empty() ? row_major_strides(shape) : stored.strides);
  pickle_.boolean(false);  // requires_grad
  pickle_.global("collections", "OrderedDict");
  pickle_.empty_tuple();
  pickle_.call();  // hooks
  if (type.empty()) pickle_.global("torch", dtype.torch_name);
  pickle_.tuple();
  pickle_.call();
}

void ArchiveWriter::finish() {
  const std::string folder(kFolder);
  zip_.add(folder + "data.pkl", pickle_.finish());
  zip_.add(folder + "byteorder", "little");
  for (std::size_t key = 0; key < contents_.size(); ++key) {
    const std::size_t content = contents_[key];
    zip_.add_content(folder + "data/" + std::to_string(key), "", content, request_.content_bytes[content]);
  }
  zip_.add(folder + "version", "3\n");
  zip_.finish();
}

}  // namespace

Shape torch_sizes(const StoredTensor& tensor) {
  Shape sizes = tensor.desc.shape;
  if (tensor.desc.dtype != DType::F4) return sizes;
  if (sizes.empty() || sizes.back() % 2 != 0) refuse_tensor(tensor, "float4 with an odd last dimension");
  sizes.back() /= 2;
  return sizes;
}

FileLayout layout_torch(const FileRequest& request) {
  FileLayout layout;
  ArchiveWriter(layout, request).write_dict();
  return layout;
}

FileLayout layout_torch_tensor(const FileRequest& request) {
  BS_CHECK(request.tensors.size() == 1);
  FileLayout layout;
  append_torch_tensor(layout, request, request.tensors.front());
  return layout;
}

void append_torch_tensor(FileLayout& layout, const FileRequest& request, const StoredTensor& tensor) {
  ArchiveWriter(layout, request).write_tensor(tensor);
}

}  // namespace brainsurgery
