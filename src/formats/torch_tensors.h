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
#include <optional>
#include <string>
#include <string_view>

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

  // Throws Error(run): one storage under two types or sizes, or too many. `tree` and `context` outlive it. `legacy`: ids
  // of the files of before 1.6, which have six parts. An id of anything else is an error where a tensor needs it.
  TorchStorages(const PickleTree& tree, bool legacy, const std::string& context);

  [[nodiscard]] ByKey& by_key() { return by_key_; }

  // The part of a storage that a persistent id stands for.
  struct View {
    const TorchStorage* storage = nullptr;
    std::int64_t first = 0;  // elements
    std::int64_t count = 0;  // elements
  };
  // nullopt: the value is no persistent id. Throws Error(run) for one of anything but a storage.
  [[nodiscard]] std::optional<View> find(PickleRef persistent) const;

 private:
  struct Id;
  [[nodiscard]] Id parse(PickleRef persistent) const;
  [[noreturn]] void fail(const std::string& reason) const;

  const PickleTree& tree_;
  bool legacy_;
  const std::string& context_;
  ByKey by_key_;
};

// The form of a DTensor of which the file has one process's part, before its dtype.
inline constexpr std::string_view kDTensorShard = "DTensor shard";

// Whether the value is a tensor, of whatever kind.
[[nodiscard]] bool is_torch_tensor(const PickleTree& tree, PickleRef ref);

// The entry without a name; without a file either where its elements cannot be read (sparse, quantized, ...). Throws
// Error(run) "<context>: <reason>" for what no PyTorch writes.
[[nodiscard]] TensorEntry read_torch_tensor(const PickleTree& tree, PickleRef ref, const TorchStorages& storages,
                                            const std::string& context);

}  // namespace brainsurgery
