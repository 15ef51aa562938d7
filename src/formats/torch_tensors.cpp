#include "formats/torch_tensors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kUtils = "torch._utils.";
// A view that repeats elements (stride 0) may be as large as this, or this many times its storage.
constexpr std::int64_t kMaxExpandedBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxExpansion = 1024;
constexpr std::size_t kMaxStorageKey = 1024;  // bytes; PyTorch's are numbers

class TensorReader {
 public:
  TensorReader(const PickleTree& tree, const TorchStorages& storages, const std::string& context)
      : tree_(tree), storages_(storages), context_(context) {}

  TorchTensor read(PickleRef ref, int nesting = 0) const;

 private:
  using Arguments = std::span<const PickleRef>;

  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] TorchTensor view(Arguments arguments, std::optional<std::string_view> dtype,
                                 std::size_t metadata) const;
  [[nodiscard]] Shape integers(PickleRef ref, const char* what) const;
  [[nodiscard]] std::int64_t integer(PickleRef ref, const char* what) const;
  [[nodiscard]] bool sets_a_flag(PickleRef metadata) const;
  void place(TorchTensor& tensor, const TorchStorages::View& view, Shape strides, std::int64_t offset) const;
  static void unpack_float4(TorchTensor& tensor);

  const PickleTree& tree_;
  const TorchStorages& storages_;
  const std::string& context_;
};

std::int64_t TensorReader::integer(PickleRef ref, const char* what) const {
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::integer || node.integer < 0) fail(std::string(what) + " is not an integer from 0 to 2^63 - 1");
  return node.integer;
}

Shape TensorReader::integers(PickleRef ref, const char* what) const {
  if (tree_.callee(ref) == "torch.Size" && tree_.arguments(ref).size() == 1) ref = tree_.arguments(ref)[0];
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::tuple && node.kind != Kind::list) fail(std::string(what) + " is not a tuple");
  if (node.items.size() > kMaxRank) fail("a tensor has more than " + std::to_string(kMaxRank) + " dimensions");
  Shape values;
  for (const PickleRef item : node.items) values.push_back(integer(item, what));
  return values;
}

// The conjugate and negation bits: the bytes are not the values then.
bool TensorReader::sets_a_flag(PickleRef metadata) const {
  const PickleNode& node = tree_[metadata];
  if (node.kind == Kind::none) return false;
  if (node.kind != Kind::dict) fail("the metadata of a tensor are " + std::string(describe(node.kind)));
  for (std::size_t i = 1; i < node.items.size(); i += 2) {
    if (tree_[node.items[i]].kind != Kind::boolean || tree_[node.items[i]].integer != 0) return true;
  }
  return false;
}

// storage, offset, size, stride, ...
TorchTensor TensorReader::view(Arguments arguments, std::optional<std::string_view> dtype, std::size_t metadata) const {
  if (arguments.size() < 4) fail("a tensor is rebuilt from too little");
  const TorchStorages::View* storage = storages_.find(arguments[0]);
  if (storage == nullptr) fail("a tensor is rebuilt from " + std::string(describe(tree_[arguments[0]].kind)));
  const StorageType& type = storage->storage->type;
  TorchTensor tensor;
  if (arguments.size() > metadata && sets_a_flag(arguments[metadata])) {
    tensor.unsupported = "a tensor with its conjugate or negation pending; resolve it before saving";
    return tensor;
  }
  if (type.untyped != dtype.has_value()) fail("a tensor's dtype and its storage do not fit");
  if (dtype) {
    const auto known = dtype->starts_with("torch.") ? dtype_from_torch(dtype->substr(6)) : std::nullopt;
    if (!known) {
      tensor.unsupported = "of dtype " + std::string(*dtype);
      return tensor;
    }
    tensor.entry.desc.dtype = *known;
  } else if (!type.dtype) {
    tensor.unsupported = "a quantized tensor";
    return tensor;
  } else {
    tensor.entry.desc.dtype = *type.dtype;
  }
  tensor.entry.desc.shape = integers(arguments[2], "a size");
  Shape strides = integers(arguments[3], "a stride");
  if (strides.size() != tensor.entry.desc.shape.size()) fail("a tensor has sizes and strides of different number");
  place(tensor, *storage, std::move(strides), integer(arguments[1], "an offset"));
  return tensor;
}

void TensorReader::place(TorchTensor& tensor, const TorchStorages::View& view, Shape strides,
                         std::int64_t offset) const {
  TensorEntry& entry = tensor.entry;
  const TorchStorage& storage = *view.storage;
  const bool packs_two = entry.desc.dtype == DType::F4;
  const std::int64_t item = packs_two ? 1 : item_size(entry.desc.dtype);
  if (view.count * storage.type.item % item != 0) fail("a storage is not a whole number of elements");
  const std::int64_t room = view.count * storage.type.item / item;
  std::int64_t elements = 0, extent = 0, bytes = 0;
  try {
    elements = element_count(entry.desc.shape);
    extent = strided_extent(entry.desc.shape, strides);
    bytes = packs_two ? elements : byte_count(entry.desc.dtype, entry.desc.shape);
  } catch (const Error& error) {
    fail(error.what());
  }
  if (extent > room || offset > room - extent) {
    fail("a tensor of shape " + to_string(entry.desc.shape) + " reaches out of its storage of " + std::to_string(room) +
         " elements");
  }
  if (bytes > kMaxExpandedBytes && bytes / kMaxExpansion > storage.bytes)
    fail("a tensor of shape " + to_string(entry.desc.shape) + " repeats the few elements of its storage too often");
  entry.file = storage.file;
  entry.offset = storage.begin + view.first * storage.type.item + offset * item;
  if (elements == 0) entry.offset = storage.begin;
  entry.storage = StorageSpan{storage.begin, storage.bytes};
  if (!is_packed(entry.desc.shape, strides)) {
    // Nobody walks along a dimension of size 1; a stride that says nothing must not overflow either.
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (entry.desc.shape[i] == 1) strides[i] = 0;
    }
    entry.strides = std::move(strides);
  }
  if (packs_two) unpack_float4(tensor);
}

// PyTorch counts pairs; the program counts elements, as safetensors does.
void TensorReader::unpack_float4(TorchTensor& tensor) {
  TensorEntry& entry = tensor.entry;
  if (!entry.strides.empty() || entry.desc.shape.empty()) {
    tensor.unsupported = "a view of packed 4-bit numbers";
    return;
  }
  entry.desc.shape.back() = checked_mul(entry.desc.shape.back(), 2);
}

TorchTensor TensorReader::read(PickleRef ref, int nesting) const {
  if (nesting > 8) fail("a tensor is wrapped too often");
  const std::string_view callee = tree_.callee(ref);
  const Arguments arguments = tree_.arguments(ref);
  const auto inner = [&](std::size_t i) {
    if (arguments.size() <= i || !is_torch_tensor(tree_, arguments[i])) fail(in_quotes(callee) + " holds no tensor");
    return read(arguments[i], nesting + 1);
  };
  const auto unsupported = [](std::string what) { return TorchTensor{{}, std::move(what)}; };
  if (callee == "torch.nn.parameter.Parameter") return inner(0);
  if (callee == "torch._tensor._rebuild_from_type_v2") {
    // function, class, arguments, attributes: a tensor with attributes, or of a subclass
    if (arguments.size() < 3 || tree_[arguments[0]].kind != Kind::global || tree_[arguments[2]].kind != Kind::tuple)
      fail(in_quotes(callee) + " is called with arguments that it does not take");
    const Arguments own = tree_[arguments[2]].items;
    const std::string_view function = tree_[arguments[0]].text;
    if (function == "torch._utils._rebuild_tensor_v2") return view(own, std::nullopt, 6);
    if (function == "torch._utils._rebuild_tensor_v3" && own.size() >= 7 && tree_[own[6]].kind == Kind::global)
      return view(own, tree_[own[6]].text, 7);
    return unsupported("a tensor made by " + std::string(function));
  }
  const std::string_view function = callee.substr(std::min(callee.size(), kUtils.size()));
  if (function == "_rebuild_tensor" || function == "_rebuild_tensor_v2") return view(arguments, std::nullopt, 6);
  if (function == "_rebuild_tensor_v3") {
    if (arguments.size() < 7 || tree_[arguments[6]].kind != Kind::global) fail("a tensor is rebuilt without its dtype");
    return view(arguments, tree_[arguments[6]].text, 7);
  }
  if (function == "_rebuild_parameter" || function == "_rebuild_parameter_with_state" ||
      function == "_rebuild_device_tensor_from_cpu_tensor") {
    return inner(0);
  }
  if (function.starts_with("_rebuild_sparse")) return unsupported("a sparse tensor");
  if (function == "_rebuild_qtensor") return unsupported("a quantized tensor");
  if (function == "_rebuild_meta_tensor_no_storage") return unsupported("a meta tensor, which has no data");
  if (function == "_rebuild_nested_tensor") return unsupported("a nested tensor");
  return unsupported("a tensor made by " + std::string(callee));
}

}  // namespace

TorchStorages::TorchStorages(const PickleTree& tree, bool legacy, const std::string& context) {
  const auto fail = [&](const std::string& reason) { throw Error(ErrorCode::run, context + ": " + reason); };
  const auto count_at = [&](PickleRef ref) {
    const PickleNode& node = tree[ref];
    if (node.kind != Kind::integer || node.integer < 0)
      fail("the length of a storage is not an integer from 0 to 2^63 - 1");
    return node.integer;
  };
  for (PickleRef ref = 0; ref < tree.nodes.size(); ++ref) {
    if (tree[ref].kind != Kind::persistent) continue;
    const PickleNode& id = tree[tree[ref].items[0]];
    const std::size_t parts = legacy ? 6 : 5;
    if (id.kind != Kind::tuple || id.items.size() != parts || tree[id.items[0]].kind != Kind::text ||
        tree[id.items[0]].text != "storage") {
      fail("a persistent id is not that of a storage");
    }
    const PickleNode& type_node = tree[id.items[1]];
    const auto type = type_node.kind == Kind::global ? storage_type(type_node.text) : std::nullopt;
    if (!type) fail("a storage is of an unknown type");
    if (tree[id.items[2]].kind != Kind::text) fail("the key of a storage is not a string");
    const std::string_view key = tree[id.items[2]].text;
    if (key.size() > kMaxStorageKey) fail("the key of a storage is too long");
    const std::int64_t count = count_at(id.items[4]);
    const auto bytes = try_multiply(count, type->item);
    if (!bytes) fail("the storage " + in_quotes(key) + " is too large");
    const TorchStorage storage{*type, *bytes, nullptr, 0};
    const auto [at, is_new] = by_key_.emplace(key, storage);
    if (!is_new && (at->second.type != *type || at->second.bytes != *bytes))
      fail("the storage " + in_quotes(key) + " is mentioned with two types or lengths");
    View view{&at->second, 0, count};
    if (legacy && tree[id.items[5]].kind != Kind::none) {
      const PickleNode& part = tree[id.items[5]];
      if (part.kind != Kind::tuple || part.items.size() != 3) fail("the view of a storage is malformed");
      view.first = count_at(part.items[1]);
      view.count = count_at(part.items[2]);
      if (view.first > count || view.count > count - view.first) fail("the view of a storage reaches out of it");
    }
    views_.emplace(ref, view);
  }
}

const TorchStorages::View* TorchStorages::find(PickleRef persistent) const {
  const auto found = views_.find(persistent);
  return found == views_.end() ? nullptr : &found->second;
}

bool is_torch_tensor(const PickleTree& tree, PickleRef ref) {
  const std::string_view callee = tree.callee(ref);
  return callee.starts_with("torch._utils._rebuild_") || callee == "torch._tensor._rebuild_from_type_v2" ||
         callee == "torch.nn.parameter.Parameter";
}

TorchTensor read_torch_tensor(const PickleTree& tree, PickleRef ref, const TorchStorages& storages,
                              const std::string& context) {
  return TensorReader(tree, storages, context).read(ref);
}

}  // namespace brainsurgery
