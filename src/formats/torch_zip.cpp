// A PyTorch archive is a zip archive with one folder:
//
//   FOLDER/data.pkl     a pickle; its persistent ids name storages
//   FOLDER/byteorder    "little" or "big"; absent before 2.1: little
//   FOLDER/data/KEY     the bytes of storage KEY
//   FOLDER/version      "3"
//
// TorchScript has FOLDER/constants.pkl and FOLDER/code/ besides. The folder is that of the directory's first entry;
// everything else is ignored. Source: formats "PyTorch zip archives".
#include "formats/torch_zip.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/adapted_file.h"
#include "formats/torch_state_dict.h"
#include "formats/torch_tensors.h"
#include "formats/zip_directory.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kMaxNote = 64;  // bytes of `version` and `byteorder`
constexpr int kNewestVersion = 10;     // that PyTorch 2.13 reads

class Archive {
 public:
  Archive(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t size)
      : file_(std::move(file)),
        context_(in_quotes(file_->path()) + ": invalid PyTorch archive"),
        zip_(read_zip_directory(*file_, begin, size, context_)) {}

  FileContents read(std::string_view part);

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] const ZipEntry* record(std::string_view name) const { return zip_.find(folder_ + std::string(name)); }
  void find_folder();
  void check_version() const;
  [[nodiscard]] bool is_big_endian() const;
  void place_storages(TorchStorages& storages, bool big_endian) const;

  std::shared_ptr<const ReadableFile> file_;
  std::string context_;
  ZipDirectory zip_;
  std::string folder_;  // with its slash
};

void Archive::find_folder() {
  if (zip_.entries.empty()) fail("it has no entries");
  const std::string& first = zip_.entries.front().name;
  const std::size_t slash = first.find('/');
  if (slash == std::string::npos) fail("its records are not in a folder");
  folder_ = first.substr(0, slash + 1);
}

void Archive::check_version() const {
  const ZipEntry* entry = record(".data/version");
  if (entry == nullptr) entry = record("version");
  if (entry == nullptr) fail("the record 'version' is missing");
  std::string text = read_zip_entry(*file_, *entry, kMaxNote, context_);
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.pop_back();
  const bool digits =
      !text.empty() && text.size() <= 4 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) fail("its version " + in_quotes(text) + " is not a number");
  if (const int version = std::stoi(text); version < 1 || version > kNewestVersion)
    fail("version " + text + " is not supported; 1 to " + std::to_string(kNewestVersion) + " are");
}

bool Archive::is_big_endian() const {
  const ZipEntry* entry = record("byteorder");
  if (entry == nullptr) return false;
  const std::string text = read_zip_entry(*file_, *entry, kMaxNote, context_);
  if (text != "little" && text != "big") fail("the byte order " + in_quotes(text) + " is neither little nor big");
  return text == "big";
}

void Archive::place_storages(TorchStorages& storages, bool big_endian) const {
  std::int64_t inflated_bytes = 0;
  for (auto& [key, storage] : storages.by_key()) {
    const ZipEntry* entry = record("data/" + std::string(key));
    if (entry == nullptr) entry = record("constants/" + std::string(key));
    if (entry == nullptr) fail("the record of storage " + in_quotes(key) + " is missing");
    if (entry->size != storage.bytes) {
      fail("the record of storage " + in_quotes(key) + " has " + std::to_string(entry->size) + " bytes, not " +
           std::to_string(storage.bytes));
    }
    storage.file = file_;
    storage.begin = entry->offset;
    if (entry->deflated) {
      inflated_bytes = checked_add(inflated_bytes, entry->size);
      if (inflated_bytes > kMaxInflatedBytes)
        fail("its deflated storages hold more than the limit of " + std::to_string(kMaxInflatedBytes) + " bytes");
      storage.file =
          inflated(file_, entry->offset, entry->stored_size, entry->size, context_ + ": " + in_quotes(entry->name));
      storage.begin = 0;
    }
    if (!big_endian) continue;
    const bool halves = storage.type.dtype && info(*storage.type.dtype).kind == DTypeClass::complex;
    const std::int64_t item = storage.type.item / (halves ? 2 : 1);
    if (item > 1) {
      storage.file = byte_swapped(storage.file, storage.begin, storage.bytes, static_cast<int>(item));
      storage.begin = 0;
    }
  }
}

FileContents Archive::read(std::string_view part) {
  find_folder();
  check_version();
  const bool is_script = record("constants.pkl") != nullptr;
  const ZipEntry* entry = record("data.pkl");
  if (entry == nullptr) fail("the record 'data.pkl' is missing");
  const std::string pickle =
      read_zip_entry(*file_, *entry, entry->deflated ? kMaxDeflatedPickle : kMaxPickleBytes, context_);
  const std::string where = context_ + ": data.pkl";
  const PickleTree tree =
      read_pickle(pickle, is_script ? torch_script_global : torch_global, where, entry->stored_size);
  if (tree.size != std::ssize(pickle)) fail("data.pkl has bytes after its end");
  // A script's root is a module. Another one would be read by torch.load and refused by torch.jit.load.
  if (is_script && !tree.callee(tree.root).starts_with(kScriptPrefix))
    fail("it is marked as TorchScript, but holds no script module");
  TorchStorages storages(tree, false, where);
  const bool big_endian = is_big_endian();
  place_storages(storages, big_endian);
  FileContents contents = choose_state_dict(tree, storages, part, file_->path(), where);
  for (auto* tensors : {&contents.tensors, &contents.beside}) {
    for (TensorEntry& tensor : *tensors) {
      if (tensor.file == nullptr) tensor.file = file_;
    }
  }
  if (big_endian) {
    for (const TensorEntry& tensor : contents.tensors) {
      // Untyped storages are written in the machine's order, whatever the record says.
      if (storage_class_of(tensor.desc.dtype).empty() && info(tensor.desc.dtype).bits > 8)
        fail(in_quotes(tensor.name) + " is " + to_string(tensor.desc.dtype) +
             " in a big-endian archive, whose byte order is ambiguous");
    }
  }
  return contents;
}

}  // namespace

FileContents read_torch_zip(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t size,
                            std::string_view part) {
  return Archive(std::move(file), begin, size).read(part);
}

}  // namespace brainsurgery
