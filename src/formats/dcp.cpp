#include "formats/dcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/adapted_file.h"
#include "formats/pickle_vm.h"
#include "formats/safetensors.h"
#include "formats/tensor_parts.h"
#include "formats/torch_globals.h"
#include "formats/torch_zip.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr std::size_t kMaxNameBytes = 128 << 20;  // of all names; a long one can stand in the pickle once
constexpr std::size_t kMaxFileName = 255;  // bytes; what file systems take

// Where a part of a tensor stands in the tensor, and in the files.
struct Part {
  std::string file;
  std::int64_t offset = 0, length = 0;  // bytes
  std::optional<Shape> starts;          // nullopt: it is the whole
};

class MetadataReader {
 public:
  using OpenFile = std::function<std::shared_ptr<const ReadableFile>(const std::string&)>;

  MetadataReader(const ReadableFile& file, const OpenFile& open)
      : context_(in_quotes(file.path()) + ": invalid DCP metadata"), open_(open), bytes_(read_whole(file)) {
    tree_ = read_pickle(bytes_, torch_dcp_global, context_);
  }

  FileContents read();

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] std::string read_whole(const ReadableFile& file) const;
  // What an object of the class was given as state.
  [[nodiscard]] PickleRef state(PickleRef object, std::string_view class_name) const;
  [[nodiscard]] std::optional<PickleRef> find(PickleRef dict, std::string_view key) const;
  [[nodiscard]] PickleRef field(PickleRef dict, std::string_view key) const;
  [[nodiscard]] std::string_view text(PickleRef ref) const;
  [[nodiscard]] std::string tensor_name(PickleRef ref);
  void hold(std::size_t bytes);  // for names and paths
  [[nodiscard]] std::int64_t integer(PickleRef ref) const;
  [[nodiscard]] Shape sizes(PickleRef ref) const;
  void read_places(PickleRef storage_data);
  void check_places() const;
  [[nodiscard]] TensorDesc desc_of(const std::string& name, PickleRef description, const Shape& size) const;
  [[nodiscard]] std::vector<TensorBox> read_boxes(TensorEntry& entry, std::size_t rank);
  [[nodiscard]] TensorEntry read_tensor(const std::string& name, PickleRef description);
  [[nodiscard]] const std::shared_ptr<const ReadableFile>& file_of(const std::string& name, const Part& part);
  void read_object(const std::string& name, CheckpointExtras& extras);
  void read_paths(PickleRef metadata, CheckpointExtras& extras);
  [[nodiscard]] TensorEntry read_part(const std::string& name, const Part& part);

  std::string context_;
  const OpenFile& open_;
  std::string bytes_;
  PickleTree tree_;
  std::map<std::string, std::vector<Part>> parts_;  // by tensor
  std::size_t name_bytes_ = 0;
  std::map<std::string, std::shared_ptr<const ReadableFile>> files_;
};

std::string MetadataReader::read_whole(const ReadableFile& file) const {
  const std::int64_t size = file.status().size;
  if (size > kMaxPickleBytes) fail("it is larger than " + std::to_string(kMaxPickleBytes) + " bytes");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

PickleRef MetadataReader::state(PickleRef object, std::string_view class_name) const {
  if (!tree_.callee(object).ends_with("." + std::string(class_name)) || tree_[object].size < 3)
    fail("found " + std::string(describe(tree_[object].kind)) + " where a " + std::string(class_name) + " should be");
  return tree_[object].items()[2];
}

std::optional<PickleRef> MetadataReader::find(PickleRef dict, std::string_view key) const {
  const PickleNode& node = tree_[dict];
  if (node.kind != Kind::dict) fail("found " + std::string(describe(node.kind)) + " where a dict should be");
  if (node.items().size() > 2 * kMaxPickleFields)
    fail("an object has more than " + std::to_string(kMaxPickleFields) + " fields");
  return tree_.field(node, key);
}

PickleRef MetadataReader::field(PickleRef dict, std::string_view key) const {
  const auto found = find(dict, key);
  if (!found) fail("the field " + in_quotes(key) + " is missing");
  return *found;
}

std::string_view MetadataReader::text(PickleRef ref) const {
  if (tree_[ref].kind != Kind::text)
    fail("found " + std::string(describe(tree_[ref].kind)) + " where a string should be");
  return tree_[ref].text();
}

std::string MetadataReader::tensor_name(PickleRef ref) {
  const std::string_view name = text(ref);
  if (name.size() > kMaxTensorName) fail("a name is longer than " + std::to_string(kMaxTensorName) + " bytes");
  hold(name.size());
  return std::string(name);
}

// A path of few texts can be that of many names.
void MetadataReader::hold(std::size_t bytes) {
  name_bytes_ += bytes;
  if (name_bytes_ > kMaxNameBytes) fail("its names have more than " + std::to_string(kMaxNameBytes) + " bytes");
}

std::int64_t MetadataReader::integer(PickleRef ref) const {
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::integer || node.integer < 0) fail("a size or place is not an integer from 0 to 2^63 - 1");
  return node.integer;
}

Shape MetadataReader::sizes(PickleRef ref) const {
  if (tree_.callee(ref) == "torch.Size" && tree_.arguments(ref).size() == 1) ref = tree_.arguments(ref)[0];
  const PickleNode& node = tree_[ref];
  if ((node.kind != Kind::tuple && node.kind != Kind::list) || node.items().size() > kMaxRank)
    fail("found " + std::string(describe(node.kind)) + " where sizes should be");
  Shape result;
  for (const PickleRef item : node.items()) result.push_back(integer(item));
  return result;
}

void MetadataReader::read_places(PickleRef storage_data) {
  const PickleNode& places = tree_[storage_data];
  if (places.kind != Kind::dict) fail("'storage_data' is " + std::string(describe(places.kind)));
  for (std::size_t i = 0; i < places.items().size(); i += 2) {
    const PickleRef index = state(places.items()[i], "MetadataIndex");
    const PickleRef info = state(places.items()[i + 1], "_StorageInfo");
    const std::string_view file = text(field(info, "relative_path"));
    const bool plain = file.size() <= kMaxFileName && file.ends_with(kDcpSuffix) &&
                       file.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
    if (!plain) fail("the file " + in_quotes(file) + " is not the name of a .distcp file in the directory");
    Part part{std::string(file), integer(field(info, "offset")), integer(field(info, "length")), {}};
    if (const auto transforms = find(info, "transform_descriptors")) {
      const PickleNode& node = tree_[*transforms];
      if (node.kind != Kind::none && !node.items().empty())
        fail("its data are transformed (compressed?), which is not supported");
    }
    // Of what is no tensor PyTorch writes no offset at all.
    const auto offset = find(index, "offset");
    if (offset && tree_[*offset].kind != Kind::none) part.starts = sizes(*offset);
    parts_[tensor_name(field(index, "fqn"))].push_back(std::move(part));
  }
}

// Every item has a place of its own. If many could stand in one, a small file would be parsed without end.
void MetadataReader::check_places() const {
  std::map<std::string_view, std::vector<const Part*>> places;
  for (const auto& [name, parts] : parts_) {
    for (const Part& part : parts) places[part.file].push_back(&part);
  }
  for (auto& [file, parts] : places) {
    std::ranges::sort(parts, {}, &Part::offset);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (parts[i]->offset - parts[i - 1]->offset < parts[i - 1]->length)
        fail("two items occupy the same bytes of " + in_quotes(file));
    }
  }
}

const std::shared_ptr<const ReadableFile>& MetadataReader::file_of(const std::string& name, const Part& part) {
  std::shared_ptr<const ReadableFile>& file = files_[part.file];
  if (!file) file = open_(part.file);
  const std::int64_t size = file->status().size;
  if (part.offset > size || part.length > size - part.offset)
    fail(in_quotes(name) + " reaches beyond the end of " + in_quotes(part.file));
  return file;
}

TensorEntry MetadataReader::read_part(const std::string& name, const Part& part) {
  const std::shared_ptr<const ReadableFile>& file = file_of(name, part);
  FileContents contents = read_torch_zip(file, part.offset, part.length, "");
  if (contents.tensors.size() != 1 || !contents.tensors.front().unnamed)
    fail(in_quotes(name) + " is not a tensor in " + in_quotes(part.file));
  return std::move(contents.tensors.front());
}

// `size` is PyTorch's, which counts pairs of 4-bit numbers.
TensorDesc MetadataReader::desc_of(const std::string& name, PickleRef description, const Shape& size) const {
  const PickleNode& properties = tree_[state(field(description, "properties"), "TensorProperties")];
  if (properties.kind != Kind::tuple || properties.items().empty() || tree_[properties.items()[0]].kind != Kind::global)
    fail("the properties of " + in_quotes(name) + " are malformed");
  const std::string_view dtype_name = tree_[properties.items()[0]].text();
  const auto dtype = dtype_from_torch(dtype_name.substr(std::min(dtype_name.size(), std::size_t{6})));
  if (!dtype || (*dtype == DType::F4 && size.empty()))
    fail(in_quotes(name) + " is " + std::string(dtype_name) + ", which is not supported");
  TensorDesc desc{*dtype, size};
  try {
    if (*dtype == DType::F4) desc.shape.back() = checked_mul(size.back(), 2);
    static_cast<void>(byte_count(desc.dtype, desc.shape));
  } catch (const Error& error) {
    fail(in_quotes(name) + ": " + error.what());
  }
  return desc;
}

// The parts in PyTorch's sizes. Sets the strides of an entry with one part. An entry whose elements cannot be read gets
// its form, and no boxes.
std::vector<TensorBox> MetadataReader::read_boxes(TensorEntry& entry, std::size_t rank) {
  const std::string& name = entry.name;
  const auto described = parts_.extract(name);  // a second description finds nothing
  const std::vector<Part> parts = described ? std::move(described.mapped()) : std::vector<Part>();
  if (parts.empty()) fail("the location of " + in_quotes(name) + " is missing");
  if (parts.size() > kMaxParts) fail(in_quotes(name) + " has more than " + std::to_string(kMaxParts) + " parts");
  std::vector<TensorBox> boxes;
  for (const Part& part : parts) {
    TensorEntry found = read_part(name, part);
    if (!found.unreadable.empty()) {
      if (parts.size() > 1)
        fail("a part of " + in_quotes(name) + " is " + found.unreadable + ", whose elements cannot be read");
      entry.unreadable = std::move(found.unreadable);
      entry.file = std::move(found.file);
      return {};
    }
    if (found.desc.dtype != entry.desc.dtype) fail("a part of " + in_quotes(name) + " is of another dtype");
    Shape starts = part.starts.value_or(Shape(rank, 0));
    if (starts.size() != rank || found.desc.shape.size() != rank)
      fail("a part of " + in_quotes(name) + " has another number of dimensions");
    if (parts.size() > 1 && !found.strides.empty()) fail("a part of " + in_quotes(name) + " is not packed");
    if (entry.desc.dtype == DType::F4) found.desc.shape.back() /= 2;
    boxes.push_back({found.file, found.offset, std::move(starts), std::move(found.desc.shape)});
    entry.strides = std::move(found.strides);
  }
  return boxes;
}

TensorEntry MetadataReader::read_tensor(const std::string& name, PickleRef description) {
  const Shape size = sizes(field(description, "size"));
  TensorEntry entry{name, desc_of(name, description, size), nullptr};
  const std::vector<TensorBox> boxes = read_boxes(entry, size.size());
  if (!entry.unreadable.empty()) return entry;
  if (const std::string mistake = cover_mistake(name, boxes, size); !mistake.empty()) fail(mistake);
  const std::int64_t item = entry.desc.dtype == DType::F4 ? 1 : item_size(entry.desc.dtype);
  entry.file = boxes.size() == 1 ? boxes.front().file : assembled(boxes, size, item);
  entry.offset = boxes.size() == 1 ? boxes.front().offset : 0;
  return entry;
}

// One that no file holds cannot be loaded, nor carried.
void MetadataReader::read_object(const std::string& name, CheckpointExtras& extras) {
  const auto found = parts_.find(name);
  if (found == parts_.end() || found->second.size() != 1) return;
  const Part& part = found->second.front();
  extras.objects.push_back({name, file_of(name, part), part.offset, part.length});
}

// The usual planner of torch.distributed.checkpoint notes how it flattened containers; others note other things.
void MetadataReader::read_paths(PickleRef metadata, CheckpointExtras& extras) {
  const auto data = find(metadata, "planner_data");
  if (!data || tree_[*data].kind != Kind::dict) return;
  const PickleNode& paths = tree_[*data];
  for (std::size_t i = 0; i < paths.items().size(); i += 2) {
    const PickleNode& node = tree_[paths.items()[i + 1]];
    if (tree_[paths.items()[i]].kind != Kind::text || node.kind != Kind::tuple) continue;
    if (node.items().size() < 2 || node.items().size() > kMaxPickleFields) continue;
    ContainerPath path;
    for (const PickleRef ref : node.items()) {
      const PickleNode& key = tree_[ref];
      if (key.kind == Kind::text) {
        path.emplace_back(tensor_name(ref));
        extras.has_dotted_keys = extras.has_dotted_keys || key.text().find('.') != std::string_view::npos;
      }
      if (key.kind == Kind::integer && key.integer >= 0) path.emplace_back(key.integer);
    }
    hold(path.size() * sizeof(ContainerPath::value_type));
    if (path.size() == node.items().size()) extras.paths.insert_or_assign(tensor_name(paths.items()[i]), std::move(path));
  }
}

FileContents MetadataReader::read() {
  const PickleRef metadata = state(tree_.root, "Metadata");
  read_places(field(metadata, "storage_data"));
  check_places();
  const PickleNode& described = tree_[field(metadata, "state_dict_metadata")];
  if (described.kind != Kind::dict) fail("'state_dict_metadata' is " + std::string(describe(described.kind)));
  FileContents contents;
  auto extras = std::make_shared<CheckpointExtras>();
  for (std::size_t i = 0; i < described.items().size(); i += 2) {
    const std::string name = tensor_name(described.items()[i]);
    const PickleRef value = described.items()[i + 1];
    if (tree_.callee(value).ends_with(".BytesStorageMetadata")) {
      read_object(name, *extras);
    } else {
      if (contents.tensors.size() == kMaxTensors) fail("more than " + std::to_string(kMaxTensors) + " tensors");
      contents.tensors.push_back(read_tensor(name, state(value, "TensorStorageMetadata")));
    }
  }
  read_paths(metadata, *extras);
  const std::vector<StoredObject>& objects = extras->objects;
  if (!objects.empty()) {
    contents.warnings.push_back(
        fmt::format("non-tensor entries, which only a dcp output keeps: {}{}", in_quotes(objects.front().name),
                    objects.size() == 1 ? "" : fmt::format(" and {} more", objects.size() - 1)));
  }
  contents.extras = std::move(extras);
  return contents;
}

}  // namespace

Format dcp_format() {
  return {.name = "dcp",
          .description = "a distributed PyTorch checkpoint",
          .suffixes = {},
          .layout_directory = layout_dcp,
          .takes_extras = true,
          .advice = "name its directory"};
}

FileContents read_dcp(const ReadableFile& metadata,
                      const std::function<std::shared_ptr<const ReadableFile>(const std::string&)>& open) {
  return MetadataReader(metadata, open).read();
}

bool is_dcp_file(std::string_view name) {
  return name == kDcpMetadata || (name.starts_with("__") && name.ends_with(kDcpSuffix));
}

}  // namespace brainsurgery
