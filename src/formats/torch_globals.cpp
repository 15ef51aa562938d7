#include "formats/torch_globals.h"

#include <algorithm>
#include <array>
#include <span>

namespace brainsurgery {

namespace {

using enum PickleGlobal;

constexpr std::string_view kDTensorPackage = "torch.distributed.";

struct Row {
  std::string_view name;
  PickleGlobal use;
};

constexpr auto kPlain = std::to_array<Row>({
    {"collections.OrderedDict", ordered_dict},
    {"collections.Counter", ordered_dict},
    {"collections.defaultdict", call},  // its content is set like that of any dict
    {"builtins.set", set},
    {"builtins.bytearray", bytearray_of},
    {"builtins.complex", call},
    {"_codecs.encode", bytes_of},
    {"torch.nn.parameter.Parameter", call},
    {"torch.Tensor", value},
    {"torch.Size", call},
    {"torch.device", call},
    {"torch.serialization._get_layout", call},
    {"torch.per_tensor_affine", value},
    {"torch.per_tensor_symmetric", value},
    {"torch.per_channel_affine", value},
    {"torch.per_channel_symmetric", value},
    {"torch.per_channel_affine_float_qparams", value},
    {"torch._utils._rebuild_tensor", call},
    {"torch._utils._rebuild_tensor_v2", call},
    {"torch._utils._rebuild_tensor_v3", call},
    {"torch._utils._rebuild_parameter", call},
    {"torch._utils._rebuild_parameter_with_state", call},
    {"torch._utils._rebuild_sparse_tensor", call},
    {"torch._utils._rebuild_sparse_csr_tensor", call},
    {"torch._utils._rebuild_qtensor", call},
    {"torch._utils._rebuild_meta_tensor_no_storage", call},
    {"torch._utils._rebuild_nested_tensor", call},
    {"torch._utils._rebuild_device_tensor_from_cpu_tensor", call},
    {"torch._utils._rebuild_device_tensor_from_numpy", call},
    {"torch._utils._rebuild_wrapper_subclass", call},
    {"torch._tensor._rebuild_from_type_v2", call},
    // Beyond PyTorch's own list: what training scripts leave beside the weights.
    {"argparse.Namespace", call},
    {"numpy.dtype", call},
    {"numpy.ndarray", value},
    {"numpy.core.multiarray.scalar", call},
    {"numpy.core.multiarray._reconstruct", call},
    {"numpy._core.multiarray.scalar", call},
    {"numpy._core.multiarray._reconstruct", call},
});

// What runs code, opens files or starts programs where Python loads it. No checkpoint has it, so a file that does is a
// trap for other loaders. Everything else that is not listed stays an opaque value.
constexpr auto kDangerousModules = std::to_array<std::string_view>(
    {"os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "pty", "runpy", "importlib", "pickle", "_pickle",
     "marshal", "ctypes", "webbrowser"});
constexpr auto kDangerous = std::to_array<std::string_view>(
    {"builtins.eval", "builtins.exec", "builtins.compile", "builtins.open", "builtins.input", "builtins.breakpoint",
     "builtins.__import__", "builtins.globals", "builtins.setattr", "builtins.delattr", "builtins.apply",
     "builtins.execfile", "builtins.file", "_io.open", "_io.FileIO", "torch.load", "torch.save", "torch.compile", "torch.hub.load", "torch.storage._load_from_bytes",
     "torch.serialization.load", "torch.serialization.save", "torch.jit.load", "numpy.load", "numpy.save"});

constexpr auto kScript = std::to_array<Row>({
    {"torch.jit._pickle.build_intlist", call},
    {"torch.jit._pickle.build_doublelist", call},
    {"torch.jit._pickle.build_boollist", call},
    {"torch.jit._pickle.build_tensorlist", call},
    {"torch.jit._pickle.restore_type_tag", call},
});

constexpr auto kDcp = std::to_array<Row>({
    {"torch.distributed.checkpoint.metadata.Metadata", call},
    {"torch.distributed.checkpoint.metadata.TensorStorageMetadata", call},
    {"torch.distributed.checkpoint.metadata.BytesStorageMetadata", call},
    {"torch.distributed.checkpoint.metadata.TensorProperties", call},
    {"torch.distributed.checkpoint.metadata.ChunkStorageMetadata", call},
    {"torch.distributed.checkpoint.metadata.MetadataIndex", call},
    {"torch.distributed.checkpoint.metadata.StorageMeta", call},
    {"torch.distributed.checkpoint.metadata._MEM_FORMAT_ENCODING", call},
    {"torch.distributed.checkpoint.filesystem._StorageInfo", call},
    {"torch.Size", call},
    {"torch.serialization._get_layout", call},
    {"collections.OrderedDict", ordered_dict},
    {"pathlib.PosixPath", call},
    {"pathlib.PurePosixPath", call},
    {"pathlib.WindowsPath", call},
    {"pathlib._local.PosixPath", call},
    {"pathlib._local.WindowsPath", call},
});

bool is_dangerous(std::string_view name) {
  const std::string_view module = name.substr(0, name.find('.'));
  return std::ranges::find(kDangerousModules, module) != kDangerousModules.end() ||
         std::ranges::find(kDangerous, name) != kDangerous.end() ||
         name.find(".os.") != std::string_view::npos;  // by way of a module that imports it
}

// PyTorch's dtypes that DType has not: they can be mentioned, their tensors are refused.
constexpr auto kOtherDtypes = std::to_array<std::string_view>(
    {"qint8",   "qint32",  "quint8", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8",
     "bits2x4", "bits4x2", "int1",   "int2",     "int3",     "int4",  "int5",   "int6",
     "int7",    "uint1",   "uint2",  "uint3",    "uint4",    "uint5", "uint6",  "uint7"});

struct StorageRow {
  std::string_view name;
  StorageType type;
};

constexpr auto kStorages = std::to_array<StorageRow>({
    {"DoubleStorage", {DType::F64, 8}},
    {"FloatStorage", {DType::F32, 4}},
    {"HalfStorage", {DType::F16, 2}},
    {"BFloat16Storage", {DType::BF16, 2}},
    {"LongStorage", {DType::I64, 8}},
    {"IntStorage", {DType::I32, 4}},
    {"ShortStorage", {DType::I16, 2}},
    {"CharStorage", {DType::I8, 1}},
    {"ByteStorage", {DType::U8, 1}},
    {"BoolStorage", {DType::BOOL, 1}},
    {"ComplexFloatStorage", {DType::C64, 8}},
    {"ComplexDoubleStorage", {DType::C128, 16}},
    {"QInt8Storage", {std::nullopt, 1}},
    {"QUInt8Storage", {std::nullopt, 1}},
    {"QInt32Storage", {std::nullopt, 4}},
    {"QUInt4x2Storage", {std::nullopt, 1}},
    {"QUInt2x4Storage", {std::nullopt, 1}},
});

std::optional<PickleGlobal> find(std::span<const Row> rows, std::string_view name) {
  const auto row = std::ranges::find(rows, name, &Row::name);
  return row == rows.end() ? std::nullopt : std::optional(row->use);
}

bool is_torch_dtype(std::string_view name) {
  if (!name.starts_with("torch.")) return false;
  name.remove_prefix(6);
  return dtype_from_torch(name).has_value() || std::ranges::find(kOtherDtypes, name) != kOtherDtypes.end();
}

// "torch.FloatTensor": the classes that very old files mention.
bool is_tensor_class(std::string_view name) {
  constexpr std::string_view kSuffix = "Tensor";
  if (!name.ends_with(kSuffix)) return false;
  name.remove_suffix(kSuffix.size());
  for (const std::string_view prefix : {"torch.cuda.sparse.", "torch.sparse.", "torch.cuda.", "torch."}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    const auto row = std::ranges::find_if(kStorages, [&](const StorageRow& storage) {
      return storage.type.dtype && storage.name.substr(0, storage.name.size() - 7) == name;
    });
    return row != kStorages.end() && row->type.dtype != DType::C64 && row->type.dtype != DType::C128;
  }
  return false;
}

}  // namespace

std::optional<PickleGlobal> torch_global(std::string_view name) {
  if (const auto use = find(kPlain, name)) return use;
  if (storage_type(name) || is_torch_dtype(name) || is_tensor_class(name)) return value;
  if (is_dangerous(name)) return std::nullopt;
  return name.starts_with(kDTensorPackage) ? call : foreign;
}

std::optional<PickleGlobal> torch_script_global(std::string_view name) {
  if (name.starts_with(kScriptPrefix)) return call;
  if (const auto use = find(kScript, name)) return use;
  return torch_global(name);
}

std::optional<PickleGlobal> torch_dcp_global(std::string_view name) {
  if (const auto use = find(kDcp, name)) return use;
  if (is_torch_dtype(name)) return value;
  return std::nullopt;
}

std::optional<StorageType> storage_type(std::string_view name) {
  if (name == "torch.storage.UntypedStorage" || name == "torch.storage._UntypedStorage")
    return StorageType{std::nullopt, 1, true};
  for (const std::string_view prefix : {"torch.cuda.", "torch."}) {
    if (!name.starts_with(prefix)) continue;
    const auto row = std::ranges::find(kStorages, name.substr(prefix.size()), &StorageRow::name);
    if (row != kStorages.end()) return row->type;
  }
  return std::nullopt;
}

std::string_view storage_class_of(DType dtype) {
  const auto row =
      std::ranges::find_if(kStorages, [&](const StorageRow& storage) { return storage.type.dtype == dtype; });
  return row == kStorages.end() ? std::string_view() : row->name;
}

}  // namespace brainsurgery
