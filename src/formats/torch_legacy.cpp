// A PyTorch file of 0.1 to 1.5 (or with _use_new_zipfile_serialization=False):
//
//   | pickle | pickle | pickle                       | pickle | pickle: list   | count | bytes | count | bytes | ...
//   | magic  | 1001   | protocol_version, endianness | object | of storage keys| (i64) |       | (i64) |       |
//
// Storages follow in the order of the list; counts are of elements. Nothing is aligned. Source: formats "Legacy file".
#include "formats/torch_legacy.h"

#include <string>
#include <utility>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"
#include "formats/magic.h"
#include "formats/torch_state_dict.h"
#include "formats/torch_tensors.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kLegacyMagic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12};  // LONG1
constexpr std::int64_t kProtocol = 1001;
constexpr std::int64_t kMaxSmallPickle = 4096;  // the first three

class LegacyFile {
 public:
  explicit LegacyFile(std::shared_ptr<const ReadableFile> file)
      : file_(std::move(file)), context_(in_quotes(file_->path()) + ": invalid PyTorch file"), map_(file_->map()) {}

  FileContents read(std::string_view part);

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] std::string_view rest(std::int64_t limit) const {
    const auto bytes = map_->bytes().subspan(static_cast<std::size_t>(at_));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
        .substr(0, static_cast<std::size_t>(limit));
  }
  [[nodiscard]] PickleTree next_pickle(std::int64_t limit, const char* name);
  void place_storages(TorchStorages& storages, const PickleTree& keys);

  std::shared_ptr<const ReadableFile> file_;
  std::string context_;
  std::shared_ptr<const FileMap> map_;
  std::int64_t at_ = 0;  // bytes read
};

PickleTree LegacyFile::next_pickle(std::int64_t limit, const char* name) {
  PickleTree tree = read_pickle(rest(limit), torch_global, context_ + ": " + name);
  at_ += tree.size;
  return tree;
}

void LegacyFile::place_storages(TorchStorages& storages, const PickleTree& keys) {
  const PickleNode& list = keys[keys.root];
  if (list.kind != Kind::list) fail("the list of storages is " + std::string(describe(list.kind)));
  for (const PickleRef item : list.items()) {
    const auto known =
        keys[item].kind == Kind::text ? storages.by_key().find(keys[item].text()) : storages.by_key().end();
    if (known == storages.by_key().end()) fail("the list of storages names one that no tensor has");
    TorchStorage& storage = known->second;
    if (storage.file != nullptr) fail("the list of storages names " + in_quotes(known->first) + " twice");
    const std::string_view word = rest(8);
    if (word.size() < 8) fail("it ends before the storage " + in_quotes(known->first));
    const std::uint64_t count = little_endian(word);
    if (count != static_cast<std::uint64_t>(storage.bytes / storage.type.item)) {
      fail("the storage " + in_quotes(known->first) + " has " + std::to_string(count) + " elements, not " +
           std::to_string(storage.bytes / storage.type.item));
    }
    at_ += 8;
    if (storage.bytes > std::ssize(map_->bytes()) - at_) fail("it ends within the storage " + in_quotes(known->first));
    storage.file = file_;
    storage.begin = at_;
    at_ += storage.bytes;
  }
  if (list.items().size() != storages.by_key().size()) fail("the list of storages lacks one that a tensor has");
  if (at_ != std::ssize(map_->bytes())) fail("something follows the last storage");
}

FileContents LegacyFile::read(std::string_view part) {
  const PickleTree magic = next_pickle(kMaxSmallPickle, "the magic number");
  if (magic[magic.root].kind != Kind::big_integer || magic[magic.root].text() != kLegacyMagic.substr(2))
    fail("its magic number is wrong");
  const PickleTree protocol = next_pickle(kMaxSmallPickle, "the protocol version");
  if (protocol[protocol.root].kind != Kind::integer || protocol[protocol.root].integer != kProtocol)
    fail("its protocol version is not " + std::to_string(kProtocol));
  static_cast<void>(next_pickle(kMaxSmallPickle, "the description of the system"));
  const std::string object = context_ + ": the pickled object";
  const PickleTree tree = next_pickle(kMaxPickleBytes, "the pickled object");
  const PickleTree keys = next_pickle(kMaxPickleBytes, "the list of storages");
  TorchStorages storages(tree, true, object);
  place_storages(storages, keys);
  FileContents contents = choose_state_dict(tree, storages, part, file_->path(), object);
  for (auto* tensors : {&contents.tensors, &contents.beside}) {
    for (TensorEntry& tensor : *tensors) {
      if (tensor.file == nullptr) tensor.file = file_;
    }
  }
  if (map_->damaged()) fail("it became shorter while it was read");
  return contents;
}

}  // namespace

FileContents read_torch_legacy(std::shared_ptr<const ReadableFile> file, std::string_view part) {
  return LegacyFile(std::move(file)).read(part);
}

// The pickle of a number: its protocol, from protocol 4 on the length of a frame, and the number.
bool has_torch_legacy_magic(std::span<const std::byte> head) {
  constexpr std::size_t kHeader = 2, kFrame = 9;  // bytes
  if (head.size() < kHeader || head[0] != std::byte{0x80}) return false;
  const std::span<const std::byte> number = head.subspan(kHeader);
  if (begins_with(number, kLegacyMagic)) return true;
  return number.size() > kFrame && number[0] == std::byte{0x95} && begins_with(number.subspan(kFrame), kLegacyMagic);
}

}  // namespace brainsurgery
