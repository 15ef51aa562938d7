// What the pickle of a PyTorch file says about tensors: storages, and the tensors that are views of them. No data is
// read.
//
//   TorchStorages storages(tree, context);                     // every storage that the pickle mentions
//   for (auto& [key, storage] : storages.by_key()) { storage.file = file; storage.begin = ...; }
//   TorchTensor tensor = read_torch_tensor(tree, ref, storages, context);
//
// Source: torch._utils of PyTorch 2.13, and formats "PyTorch zip archives", storages and tensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "brainsurgery/checkpoint.h"
#include "formats/pickle_vm.h"
#include "formats/torch_globals.h"

namespace brainsurgery {

// One storage as the file has it.
struct TorchStorage {
  StorageType type;
  std::int64_t bytes = 0;
  std::shared_ptr<const ReadableFile> file;  // set by the reader of the container
  std::int64_t begin = 0;                    // bytes from the beginning of `file`
};

class TorchStorages {
 public:
  using ByKey = std::map<std::string_view, TorchStorage>;

  // Throws Error(run): a persistent id that is no storage, one storage under two types or sizes. `legacy`: ids of the
  // files of before 1.6, which have six parts.
  TorchStorages(const PickleTree& tree, bool legacy, const std::string& context);

  [[nodiscard]] ByKey& by_key() { return by_key_; }

  // The part of a storage that a persistent id stands for.
  struct View {
    const TorchStorage* storage = nullptr;
    std::int64_t first = 0;  // elements
    std::int64_t count = 0;  // elements
  };
  [[nodiscard]] const View* find(PickleRef persistent) const;

 private:
  ByKey by_key_;
  std::unordered_map<PickleRef, View> views_;
};

// Whether the value is a tensor, of whatever kind.
[[nodiscard]] bool is_torch_tensor(const PickleTree& tree, PickleRef ref);

// The entry without a name; without a file either where its elements cannot be read (sparse, quantized, ...). Throws
// Error(run) "<context>: <reason>" for what no PyTorch writes.
[[nodiscard]] TensorEntry read_torch_tensor(const PickleTree& tree, PickleRef ref, const TorchStorages& storages,
                                            const std::string& context);

}  // namespace brainsurgery
