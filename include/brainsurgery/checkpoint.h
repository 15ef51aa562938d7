// The tensors of a checkpoint on disk: where each one stands, not what is in it. Opening reads headers only.
//
//   FormatRegistry formats = all_formats();
//   Checkpoint model = open_checkpoint(posix_env(), formats, "models/base");   // a file or a directory
//   for (const TensorEntry& tensor : model.tensors) use(tensor.name, tensor.desc, tensor.file, tensor.offset);
//
// A Checkpoint is a value; the entries share the open files and keep them open.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

class FormatRegistry;

// Pairs of text that a checkpoint carries beside its tensors, in the order of the file; keys are unique.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// A stretch of a file that a format stores once for all tensors that are views of it.
struct StorageSpan {
  std::int64_t begin = 0;  // bytes from the beginning of the file
  std::int64_t size = 0;   // bytes

  friend bool operator==(const StorageSpan&, const StorageSpan&) = default;
};

// How a tensor stands in its file where that is no DType: quantised in blocks. Whoever needs values reads what
// TensorEntry::file decodes; this is for showing and for digests.
struct StoredForm {
  std::string_view type;  // the format's name for it, "Q4_K"
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset = 0, size = 0;  // bytes
};

// A little-endian tensor inside a file. `offset` need not be a multiple of the element size. Names are valid UTF-8 but
// otherwise anything: never a path, and to be escaped when shown.
struct TensorShard;

struct TensorEntry {
  std::string name;
  TensorDesc desc;
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset = 0;                  // of the first element: bytes from the beginning of the file
  std::vector<std::int64_t> strides = {};   // in elements, >= 0; empty: packed and row-major
  std::optional<StorageSpan> storage = {};  // where tensors may share memory; tensors of one (file, storage) do
  std::optional<StoredForm> stored = {};    // where `file` decodes
  // Where the elements cannot be read: the form that the tensor has, "sparse COO float32" or "object array". Then only
  // name, shape and file say something, and the dtype where the form names it. See unreadable() in expr.h.
  std::string unreadable = {};
  std::shared_ptr<const TensorShard> shard = {};  // where the file has a part of the tensor only; or nullptr
  bool unnamed = false;  // the file has no name for its only tensor; a Checkpoint calls it after the file
};

// The part of a tensor that one process of several wrote.
struct TensorShard {
  TensorEntry part;             // without a name
  std::optional<Shape> starts;  // where it begins in the whole; nullopt: not known
};

// A value that is not a tensor, as the format stores it.
struct StoredObject {
  std::string name;
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset = 0, size = 0;  // bytes
};

// The keys that lead to a value in nested containers: of dicts, and positions in lists.
using ContainerPath = std::vector<std::variant<std::string, std::int64_t>>;

// What a checkpoint holds besides tensors and pairs of text, which a file of the same format takes over as it is.
struct CheckpointExtras {
  std::vector<StoredObject> objects;
  // Where the tensors and objects stand whose path is more than their name, by name.
  std::map<std::string, ContainerPath, std::less<>> paths;
  bool has_dotted_keys = false;  // a key of a dict, nested or not, has a dot
};

struct Checkpoint {
  std::string path;  // as it was asked for
  bool is_directory = false;
  std::string root;                   // what stands before each of `files`: "models/base/", or nothing
  std::string format;                 // the name of the files' Format; of several, with commas
  std::vector<TensorEntry> tensors;   // in key order: files by name, then as FileContents; names are unique
  std::vector<TensorEntry> beside;    // as FileContents; only to be listed
  Metadata metadata;                  // of all files; a pair that several files hold once
  std::shared_ptr<const CheckpointExtras> extras;  // or nullptr
  std::vector<std::string> files;     // read from, in order, without `root`
  std::string index;                  // the file that lists `files`, also without `root`; empty: none does
  std::vector<std::string> warnings;  // what the user should know: a stale index, ignored fields, ...
};

// Opens a checkpoint file, or a directory: what `model.safetensors` or the shards of its index hold, else every
// *.safetensors file in it, else a distributed checkpoint, else the same of PyTorch's files. Where nothing has that
// name, a path with wildcards (formats/path_pattern.h) stands for all files that it matches, as one checkpoint, and
// "FILE#PART" for one of several state dicts of a file. Up to `threads` read the headers of many files at a time; then
// several use `env` at once. The result does not depend on them. Throws Error(run) with the path and the reason:
// nothing there, not a checkpoint, malformed, shards that are missing or outside of the directory, one name in two
// files.
[[nodiscard]] Checkpoint open_checkpoint(Env& env, const FormatRegistry& formats, const std::string& path,
                                         int threads = 1);

// The name of the entry's file as Checkpoint::files lists it.
[[nodiscard]] std::string_view file_name_of(const Checkpoint& checkpoint, const TensorEntry& tensor);

}  // namespace brainsurgery
