// Which Python names a PyTorch file may mention, and PyTorch's names for types. Nothing here is ever looked up in a
// Python.
//
// Source: torch.load(weights_only=True) of PyTorch 2.13 (formats "PyTorch zip archives", allow-list). What others call
// gives opaque values, but for a few names that only a trap has.
#pragma once

#include <optional>
#include <string_view>

#include "brainsurgery/types.h"
#include "formats/pickle_vm.h"

namespace brainsurgery {

// Of files that torch.save wrote.
[[nodiscard]] std::optional<PickleGlobal> torch_global(std::string_view name);
// Of TorchScript archives: classes of the script besides.
[[nodiscard]] std::optional<PickleGlobal> torch_script_global(std::string_view name);
// Of the `.metadata` of a distributed checkpoint.
[[nodiscard]] std::optional<PickleGlobal> torch_dcp_global(std::string_view name);

inline constexpr std::string_view kScriptPrefix = "__torch__.";

// A class of storages.
struct StorageType {
  std::optional<DType> dtype;  // nullopt: untyped bytes, or quantized
  std::int64_t item = 1;       // bytes of an element
  bool untyped = false;

  friend bool operator==(const StorageType&, const StorageType&) = default;
};
// "torch.FloatStorage", also of torch.cuda; nullopt for other names.
[[nodiscard]] std::optional<StorageType> storage_type(std::string_view name);
// The class of storages for which PyTorch writes _rebuild_tensor_v2; "" for the dtypes that need _rebuild_tensor_v3.
[[nodiscard]] std::string_view storage_class_of(DType dtype);

}  // namespace brainsurgery
