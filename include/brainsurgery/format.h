// The file formats that the program knows, as data: how to recognise a file and how to read its header.
//
//   FormatRegistry formats = all_formats();
//   const Format* format = formats.recognise(path, first_bytes, file_size);
//   if (format != nullptr && format->read != nullptr) contents = format->read(file);
//
// A format is added by one line in src/formats/all_formats.cpp. The order of registration is the order of probing. A
// format without `read` is known by sight only: opening such a file gives an Error that names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/env.h"

namespace brainsurgery {

// What one file holds.
struct FileContents {
  std::vector<TensorEntry> tensors = {};  // in key order: as the file lists them, else by offset
  std::vector<TensorEntry> beside = {};   // not of the model: optimizer state and such, by their full path
  Metadata metadata = {};
  std::shared_ptr<const CheckpointExtras> extras = {};
  std::vector<std::string> warnings = {};
  std::string without_tensors = {};  // the message that refuses a file of something else than tensors
};

class FileLayout;
struct FileRequest;
struct DirectoryLayout;

struct Format {
  std::string_view name;                   // as in a plan's `format:`, "safetensors"
  std::string_view description;            // "a safetensors file"
  std::vector<std::string_view> suffixes;  // with the dot, lower case
  // Whether a file of `size` bytes that begins with `head` (at most FormatRegistry::kHeadBytes) is of this format for
  // sure.
  bool (*probe)(std::span<const std::byte> head, std::int64_t size) = nullptr;
  // Reads the header. Throws Error(run) that names the file. nullptr: see `advice`.
  FileContents (*read)(std::shared_ptr<const ReadableFile> file) = nullptr;
  // For formats whose files can hold several state dicts: reads the one that is called `part`.
  FileContents (*read_part)(std::shared_ptr<const ReadableFile> file, std::string_view part) = nullptr;
  // How a file of these tensors is written (formats/file_layout.h). Throws Error(run) for what the format cannot hold.
  // nullptr: this version does not write the format.
  FileLayout (*layout)(const FileRequest& request) = nullptr;
  // The same for a file of one tensor without a name, where that is another thing; the request holds one.
  FileLayout (*layout_tensor)(const FileRequest& request) = nullptr;
  // For checkpoints that are directories of several files, instead of `layout`.
  DirectoryLayout (*layout_directory)(const FileRequest& request) = nullptr;
  bool has_index = false;        // a model may be cut into several files of a directory, with an index
  bool shares_contents = false;  // several tensors of a request may be views of one content
  bool takes_extras = false;     // files hold what else than tensors was in a checkpoint of this format
  bool arranges = false;         // `layout` keeps the origins of contents in mind, see FileRequest
  bool has_metadata = false;     // files hold the pairs of the request
  // Why files cannot hold a pair as it is written; nullopt: they can. nullptr: every pair is text.
  std::optional<std::string> (*problem_of_pair)(std::string_view key, std::string_view value) = nullptr;
  bool records_ties = false;     // metadata can say for which names a tensor stands, as readers know
  bool keeps_blocks = false;     // tensors may stand in the blocks that they were read in, see StoredTensor
  std::string_view advice;       // for a format that is not read: what would help

  [[nodiscard]] bool is_writable() const { return layout != nullptr || layout_directory != nullptr; }
};

class FormatRegistry {
 public:
  static constexpr std::int64_t kHeadBytes = 1024;

  // Names must be unique.
  void add(Format format);
  [[nodiscard]] std::span<const Format> formats() const { return formats_; }
  // The first format whose probe accepts the bytes, else the first whose suffix the path has (ignoring case), else
  // nullptr.
  [[nodiscard]] const Format* recognise(std::string_view path, std::span<const std::byte> head,
                                        std::int64_t size) const;
  [[nodiscard]] const Format* by_name(std::string_view name) const;
  [[nodiscard]] const Format* by_suffix(std::string_view path) const;
  // The names of those whose files can be read, and of those that can be written.
  [[nodiscard]] std::vector<std::string> readable_names() const;
  [[nodiscard]] std::vector<std::string> writable_names() const;

 private:
  std::vector<Format> formats_;
};

// Every format of this program.
[[nodiscard]] FormatRegistry all_formats();

}  // namespace brainsurgery
