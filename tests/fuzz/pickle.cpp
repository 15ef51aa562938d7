// Any bytes as the pickle of a PyTorch file, without the archive around it, whose checksum keeps changes out. Storages
// are given memory as the readers of containers do.
#include "formats/pickle_vm.h"

#include "formats/torch_globals.h"
#include "formats/torch_state_dict.h"
#include "formats/torch_tensors.h"
#include "fuzz/checkpoint.h"

using namespace brainsurgery;

namespace {

FileContents read(const std::string& pickle, bool legacy, const PickleGlobals& globals) {
  constexpr std::int64_t kStorage = 4096;  // bytes that a file could have; larger ones would be refused
  const std::string context = "input";
  const PickleTree tree = read_pickle(pickle, globals, context);
  REQUIRE(tree.root < tree.count() && tree.size <= std::ssize(pickle));
  // One byte makes one value, and a global or the content of an object one more.
  REQUIRE(tree.count() <= 2 * pickle.size() + 1);
  for (PickleRef ref = 0; ref < tree.count(); ++ref)
    REQUIRE(std::ranges::all_of(tree[ref].items(), [&](PickleRef item) { return item < tree.count(); }));
  TorchStorages storages(tree, legacy, context);
  for (auto& [key, storage] : storages.by_key()) {
    if (storage.bytes > kStorage) return {};
    storage.file = fuzz::file_of(std::string(static_cast<std::size_t>(storage.bytes), 'x'));
  }
  return choose_state_dict(tree, storages, "", "input", context);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string pickle = fuzz::text_of(data, size);
  fuzz::read_checkpoint([&] { return read(pickle, false, torch_script_global); });
  return fuzz::read_checkpoint([&] { return read(pickle, true, torch_global); });
}
