#include "formats/torch_tensors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/adapted_file.h"
#include "formats/safetensors.h"
#include "formats/torch_mesh.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kTorchModule = "torch.";
constexpr std::string_view kUtils = "torch._utils.";
constexpr int kMaxWrappers = 8;  // calls around a tensor: a parameter of a tensor with attributes, ...
// A view that repeats elements (stride 0) may be as large as this, or this many times its storage.
constexpr std::int64_t kMaxExpandedBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxExpansion = 1024;
// What the list of storages may take: so much, and this many times the bytes of the pickle on the disk.
constexpr std::int64_t kStorageMemory = 24 << 20;
constexpr std::int64_t kStorageMemoryPerByte = 2;
constexpr std::size_t kMaxStorageKey = 1024;  // bytes; PyTorch's are numbers

class TensorReader {
 public:
  TensorReader(const PickleTree& tree, const TorchStorages& storages, const std::string& context)
      : tree_(tree), storages_(storages), context_(context) {}

  TensorEntry read(PickleRef ref, int nesting = 0) const;

 private:
  using Arguments = std::span<const PickleRef>;

  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] TensorEntry rebuilt(std::string_view function, Arguments arguments, int nesting) const;
  [[nodiscard]] TensorEntry view(Arguments arguments, std::optional<std::string_view> dtype,
                                 std::size_t metadata) const;
  [[nodiscard]] TensorEntry sparse(Arguments arguments, int nesting) const;
  [[nodiscard]] TensorEntry unreadable(std::string form, std::optional<DType> dtype, Shape shape) const;
  [[nodiscard]] Shape integers(PickleRef ref, const char* what) const;
  [[nodiscard]] std::int64_t integer(PickleRef ref, const char* what) const;
  [[nodiscard]] std::string_view global_name(PickleRef ref) const;
  [[nodiscard]] std::optional<DType> dtype_of(PickleRef ref) const;
  [[nodiscard]] std::string quantized_type(PickleRef persistent) const;
  struct Flags {
    bool conjugated = false, negated = false, unknown = false;
  };
  [[nodiscard]] Flags flags_of(PickleRef metadata) const;
  void apply(const Flags& flags, TensorEntry& entry) const;
  [[nodiscard]] TensorEntry distributed(TensorEntry whole, const PickleNode& state, int nesting) const;
  void require_countable(const Shape& shape) const;
  void place(TensorEntry& entry, const TorchStorages::View& view, Shape strides, std::int64_t offset) const;

  const PickleTree& tree_;
  const TorchStorages& storages_;
  const std::string& context_;
};

// As PyTorch multiplies: from the first dimension on, so that a zero behind sizes that are too large is no help.
void TensorReader::require_countable(const Shape& shape) const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    const auto product = try_multiply(count, size);
    if (!product) fail("a tensor of shape " + to_string(shape) + " has too many elements");
    count = *product;
  }
}

std::int64_t TensorReader::integer(PickleRef ref, const char* what) const {
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::integer || node.integer < 0) fail(std::string(what) + " is not an integer from 0 to 2^63 - 1");
  return node.integer;
}

Shape TensorReader::integers(PickleRef ref, const char* what) const {
  if (tree_.callee(ref) == "torch.Size" && tree_.arguments(ref).size() == 1) ref = tree_.arguments(ref)[0];
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::tuple && node.kind != Kind::list) fail(std::string(what) + " is not a tuple");
  if (node.items().size() > kMaxRank) fail("a tensor has more than " + std::to_string(kMaxRank) + " dimensions");
  Shape values;
  for (const PickleRef item : node.items()) values.push_back(integer(item, what));
  return values;
}

// The conjugate and negation bits: the bytes are not the values then.
TensorReader::Flags TensorReader::flags_of(PickleRef metadata) const {
  const PickleNode& node = tree_[metadata];
  Flags flags;
  if (node.kind == Kind::none) return flags;
  if (node.kind != Kind::dict) fail("the metadata of a tensor are " + std::string(describe(node.kind)));
  if (node.items().size() > 2 * kMaxPickleFields) return {.unknown = true};
  for (std::size_t i = 0; i < node.items().size(); i += 2) {
    const PickleNode &key = tree_[node.items()[i]], &value = tree_[node.items()[i + 1]];
    if (value.kind == Kind::boolean && value.integer == 0) continue;
    if (value.kind == Kind::boolean && key.text() == "conj") {
      flags.conjugated = true;
    } else if (value.kind == Kind::boolean && key.text() == "neg") {
      flags.negated = true;
    } else {
      flags.unknown = true;
    }
  }
  return flags;
}

// Turns signs while the storage is read.
void TensorReader::apply(const Flags& flags, TensorEntry& entry) const {
  const DTypeInfo& row = info(entry.desc.dtype);
  const bool complex = row.kind == DTypeClass::complex;
  const bool floats = row.kind == DTypeClass::floating && row.bits >= 16;
  if (flags.unknown || (flags.conjugated && !complex) || (flags.negated && !complex && !floats)) {
    entry = unreadable("with flags that this program does not know,", entry.desc.dtype, entry.desc.shape);
    return;
  }
  if (entry.file == nullptr || (!flags.conjugated && !flags.negated)) return;
  const auto [begin, size] = *entry.storage;
  const int item = row.bits / (complex ? 16 : 8);
  const bool odd = flags.negated != flags.conjugated;
  // An untyped storage that is viewed in part can end with less than an element.
  entry.file = negated(std::move(entry.file), begin, size - size % item, item, flags.negated, odd);
  entry.offset -= begin;
  entry.storage.reset();
}

std::string_view TensorReader::global_name(PickleRef ref) const {
  return tree_[ref].kind == Kind::global ? tree_[ref].text() : std::string_view();
}

// "torch.float32"; nullopt also for PyTorch's types that DType does not have.
std::optional<DType> TensorReader::dtype_of(PickleRef ref) const {
  const std::string_view name = global_name(ref);
  return name.starts_with(kTorchModule) ? dtype_from_torch(name.substr(kTorchModule.size())) : std::nullopt;
}

// "qint8" of a storage of the class QInt8Storage.
std::string TensorReader::quantized_type(PickleRef persistent) const {
  std::string_view name = tree_[tree_[tree_[persistent].items()[0]].items()[1]].text();
  name = name.substr(name.rfind('.') + 1);
  return ascii_lower(name.substr(0, name.find("Storage")));
}

// `form`: without the element type.
TensorEntry TensorReader::unreadable(std::string form, std::optional<DType> dtype, Shape shape) const {
  TensorEntry entry;
  entry.unreadable = std::move(form) + (dtype ? " " + to_string(*dtype) : "");
  entry.desc = {dtype.value_or(DType::U8), std::move(shape)};
  try {
    static_cast<void>(byte_count(entry.desc.dtype, entry.desc.shape));
  } catch (const Error& error) {
    fail(error.what());
  }
  return entry;
}

// storage, offset, size, stride, ...
TensorEntry TensorReader::view(Arguments arguments, std::optional<std::string_view> dtype, std::size_t metadata) const {
  if (arguments.size() < 4) fail("a tensor is rebuilt from too little");
  const std::optional<TorchStorages::View> storage = storages_.find(arguments[0]);
  if (!storage) fail("a tensor is rebuilt from " + std::string(describe(tree_[arguments[0]].kind)));
  const StorageType& type = storage->storage->type;
  if (type.untyped != dtype.has_value()) fail("a tensor's dtype and its storage do not fit");
  TensorEntry entry;
  entry.desc.shape = integers(arguments[2], "a size");
  if (dtype) {
    const auto known =
        dtype->starts_with(kTorchModule) ? dtype_from_torch(dtype->substr(kTorchModule.size())) : std::nullopt;
    if (!known) return unreadable("PyTorch's " + std::string(dtype->substr(kTorchModule.size())), {}, entry.desc.shape);
    entry.desc.dtype = *known;
  } else if (!type.dtype) {
    return unreadable("quantized " + quantized_type(arguments[0]), {}, entry.desc.shape);
  } else {
    entry.desc.dtype = *type.dtype;
  }
  Shape strides = integers(arguments[3], "a stride");
  if (strides.size() != entry.desc.shape.size()) fail("a tensor has sizes and strides of different number");
  place(entry, *storage, std::move(strides), integer(arguments[1], "an offset"));
  if (arguments.size() > metadata) apply(flags_of(arguments[metadata]), entry);
  return entry;
}

// layout, (indices, values, size, ...) or (row pointers, columns, values, size).
TensorEntry TensorReader::sparse(Arguments arguments, int nesting) const {
  const auto wrong = [&] { fail("a sparse tensor is rebuilt from arguments that PyTorch does not write"); };
  if (arguments.size() != 2 || tree_[arguments[1]].kind != Kind::tuple) wrong();
  const Arguments layout = tree_.arguments(arguments[0]);
  constexpr std::string_view kPrefix = "torch.sparse_";
  if (layout.size() != 1 || !tree_[layout[0]].text().starts_with(kPrefix)) wrong();
  std::string name(tree_[layout[0]].text().substr(kPrefix.size()));
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const Arguments data = tree_[arguments[1]].items();
  const std::size_t values = name == "COO" ? 1 : 2;
  if (data.size() < values + 2 || !is_torch_tensor(tree_, data[values])) wrong();
  const TensorEntry elements = read(data[values], nesting + 1);
  return unreadable("sparse " + name, elements.desc.dtype, integers(data[values + 1], "a size"));
}

void TensorReader::place(TensorEntry& entry, const TorchStorages::View& view, Shape strides,
                         std::int64_t offset) const {
  const TorchStorage& storage = *view.storage;
  const bool packs_two = entry.desc.dtype == DType::F4;
  const std::int64_t item = packs_two ? 1 : item_size(entry.desc.dtype);
  const std::int64_t first = view.first * storage.type.item;
  if (view.count * storage.type.item % item != 0) fail("a storage is not a whole number of elements");
  if (first % item != 0) {
    fail("the view of a storage begins at its byte " + std::to_string(first) + ", which is not a multiple of the " +
         std::to_string(item) + " bytes of an element");
  }
  const std::int64_t room = view.count * storage.type.item / item;
  require_countable(entry.desc.shape);
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
  entry.offset = storage.begin + first + offset * item;
  if (elements == 0) entry.offset = storage.begin;
  entry.storage = StorageSpan{storage.begin, storage.bytes};
  if (!is_packed(entry.desc.shape, strides)) {
    // Nobody walks along a dimension of size 1; a stride that says nothing must not overflow either.
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (entry.desc.shape[i] == 1) strides[i] = 0;
    }
    entry.strides = std::move(strides);
  }
  if (!packs_two) return;
  // PyTorch counts pairs; the program counts elements, as safetensors does.
  if (!entry.strides.empty() || entry.desc.shape.empty()) {
    entry = unreadable("a view of packed", DType::F4, entry.desc.shape);
  } else {
    entry.desc.shape.back() = checked_mul(entry.desc.shape.back(), 2);
  }
}

// A DTensor has the part of one process beside the description of the whole. Where the part is the whole, because every
// process has all of it, it can be read.
TensorEntry TensorReader::distributed(TensorEntry whole, const PickleNode& state, int nesting) const {
  const PickleNode& fields =
      state.kind == Kind::tuple && state.size == 2 ? tree_[state.items()[1]] : state;  // (__dict__, slots)
  const auto local = tree_.field(fields, "_local_tensor"), spec = tree_.field(fields, "_spec");
  TensorEntry shard = unreadable(std::string(kDTensorShard), std::nullopt, whole.desc.shape);
  if (!local || !spec || !is_torch_tensor(tree_, *local)) return shard;
  TensorEntry part = read(*local, nesting + 1);
  shard.unreadable += " " + to_string(part.desc.dtype);
  const std::optional<MeshPlace> place = mesh_place(tree_, tree_.state(*spec));
  const std::optional<Shape> starts = place ? place->starts_of(whole.desc.shape, part.desc.shape) : std::nullopt;
  if (place && !place->is_partial() && part.desc.shape == whole.desc.shape) return part;
  shard.shard = std::make_shared<const TensorShard>(TensorShard{std::move(part), starts});
  return shard;
}

TensorEntry TensorReader::read(PickleRef ref, int nesting) const {
  if (nesting > kMaxWrappers) fail("a tensor is wrapped too often");
  return rebuilt(tree_.callee(ref), tree_.arguments(ref), nesting);
}

TensorEntry TensorReader::rebuilt(std::string_view function, Arguments arguments, int nesting) const {
  const auto require = [&](bool condition) {
    if (!condition) fail(in_quotes(function) + " is called with arguments that it does not take");
  };
  const auto inner = [&](std::size_t i) {
    if (arguments.size() <= i || !is_torch_tensor(tree_, arguments[i])) fail(in_quotes(function) + " holds no tensor");
    return read(arguments[i], nesting + 1);
  };
  if (function == "torch.nn.parameter.Parameter") return inner(0);
  if (function == "torch._tensor._rebuild_from_type_v2") {
    // function, class, arguments, attributes: a tensor with attributes, or of a subclass
    require(nesting < kMaxWrappers && arguments.size() >= 3 && tree_[arguments[0]].kind == Kind::global &&
            tree_[arguments[2]].kind == Kind::tuple);
    TensorEntry made = rebuilt(tree_[arguments[0]].text(), tree_[arguments[2]].items(), nesting + 1);
    const bool is_distributed = global_name(arguments[1]).ends_with(".DTensor") && arguments.size() > 3;
    return is_distributed ? distributed(std::move(made), tree_[arguments[3]], nesting) : made;
  }
  const std::string_view name = function.starts_with(kUtils) ? function.substr(kUtils.size()) : std::string_view();
  if (name == "_rebuild_tensor" || name == "_rebuild_tensor_v2") return view(arguments, std::nullopt, 6);
  if (name == "_rebuild_tensor_v3") {
    if (arguments.size() < 7 || global_name(arguments[6]).empty()) fail("a tensor is rebuilt without its dtype");
    return view(arguments, global_name(arguments[6]), 7);
  }
  if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state" ||
      name == "_rebuild_device_tensor_from_cpu_tensor") {
    return inner(0);
  }
  if (name.starts_with("_rebuild_sparse")) return sparse(arguments, nesting);
  if (name == "_rebuild_qtensor") return view(arguments, std::nullopt, arguments.size());
  if (name == "_rebuild_meta_tensor_no_storage") {
    require(arguments.size() >= 2);
    return unreadable("meta", dtype_of(arguments[0]), integers(arguments[1], "a size"));
  }
  if (name == "_rebuild_wrapper_subclass") {
    require(arguments.size() >= 3);
    return unreadable(std::string(global_name(arguments[0])), dtype_of(arguments[1]),
                      integers(arguments[2], "a size"));
  }
  if (name == "_rebuild_nested_tensor") {
    const TensorEntry buffer = inner(0), sizes = inner(1);
    return unreadable("nested", buffer.desc.dtype, sizes.desc.shape.empty() ? Shape() : Shape{sizes.desc.shape[0]});
  }
  if (name == "_rebuild_device_tensor_from_numpy" || name == "_rebuild_xla_tensor") {
    // The array's state: version, shape, dtype, order, elements.
    require(arguments.size() >= 2);
    const PickleNode& array = tree_.state(arguments[0]);
    require(array.kind == Kind::tuple && array.size >= 2);
    return unreadable("NumPy array of", dtype_of(arguments[1]), integers(array.items()[1], "a size"));
  }
  return unreadable("made by " + std::string(function), std::nullopt, {});
}

}  // namespace

// What a persistent id says of a storage.
struct TorchStorages::Id {
  const char* problem = nullptr;  // it says nothing of one
  StorageType type = {};
  std::string_view key = {};
  std::int64_t count = 0, bytes = 0;
  std::int64_t first = 0, viewed = 0;  // elements
};

TorchStorages::Id TorchStorages::parse(PickleRef persistent) const {
  const auto count_at = [&](PickleRef ref) {
    const PickleNode& node = tree_[ref];
    return node.kind == Kind::integer && node.integer >= 0 ? std::optional(node.integer) : std::nullopt;
  };
  const PickleNode& id = tree_[tree_[persistent].items()[0]];
  const auto items = id.items();
  if (id.kind != Kind::tuple || items.size() != (legacy_ ? 6 : 5) || tree_[items[0]].text() != "storage")
    return {"a persistent id does not name a storage"};
  const PickleNode& class_name = tree_[items[1]];
  const auto type = class_name.kind == Kind::global ? storage_type(class_name.text()) : std::nullopt;
  if (!type) return {"a storage is of an unknown type"};
  if (tree_[items[2]].kind != Kind::text) return {"the key of a storage is not a string"};
  Id result{nullptr, *type, tree_[items[2]].text()};
  if (result.key.size() > kMaxStorageKey) return {"the key of a storage is too long"};
  const auto count = count_at(items[4]);
  if (!count) return {"the length of a storage is not an integer from 0 to 2^63 - 1"};
  const auto bytes = try_multiply(*count, type->item);
  if (!bytes) return {"a storage is too large"};
  result.count = result.viewed = *count;
  result.bytes = *bytes;
  if (!legacy_ || tree_[items[5]].kind == Kind::none) return result;
  const PickleNode& part = tree_[items[5]];
  if (part.kind != Kind::tuple || part.size != 3) return {"the view of a storage is malformed"};
  const auto first = count_at(part.items()[1]), viewed = count_at(part.items()[2]);
  if (!first || !viewed || *first > *count || *viewed > *count - *first)
    return {"the view of a storage reaches out of it"};
  result.first = *first;
  result.viewed = *viewed;
  return result;
}

void TorchStorages::fail(const std::string& reason) const {
  throw Error(ErrorCode::run, context_ + ": " + reason);
}

TorchStorages::TorchStorages(const PickleTree& tree, bool legacy, const std::string& context)
    : tree_(tree), legacy_(legacy), context_(context) {
  constexpr std::int64_t kEntry = 160;  // bytes
  for (PickleRef ref = 0; ref < tree.count(); ++ref) {
    if (tree[ref].kind != Kind::persistent) continue;
    const Id id = parse(ref);
    if (id.problem != nullptr) continue;
    const auto [at, is_new] = by_key_.emplace(id.key, TorchStorage{id.type, id.bytes, nullptr, 0});
    if (!is_new && (at->second.type != id.type || at->second.bytes != id.bytes))
      fail("the storage " + in_quotes(id.key) + " is mentioned with two types or lengths");
    if (static_cast<std::int64_t>(by_key_.size()) * kEntry > kStorageMemory + kStorageMemoryPerByte * tree.stored)
      fail("it mentions more storages than a pickle of its size needs");
  }
}

std::optional<TorchStorages::View> TorchStorages::find(PickleRef persistent) const {
  if (tree_[persistent].kind != Kind::persistent) return std::nullopt;
  const Id id = parse(persistent);
  if (id.problem != nullptr) fail(id.problem);
  return View{&by_key_.at(id.key), id.first, id.viewed};
}

bool is_torch_tensor(const PickleTree& tree, PickleRef ref) {
  const std::string_view callee = tree.callee(ref);
  return callee.starts_with("torch._utils._rebuild_") || callee == "torch._tensor._rebuild_from_type_v2" ||
         callee == "torch.nn.parameter.Parameter";
}

TensorEntry read_torch_tensor(const PickleTree& tree, PickleRef ref, const TorchStorages& storages,
                              const std::string& context) {
  return TensorReader(tree, storages, context).read(ref);
}

}  // namespace brainsurgery
