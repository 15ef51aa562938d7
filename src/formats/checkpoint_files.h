// How the contents of a checkpoint's files become one list.
//
//   CheckpointFiles files(env, formats, threads, checkpoint, "");
//   files.add(names, CheckpointFiles::Others::left_aside);   // in checkpoint.root
//   files.warn_of_left_aside();
//   files.check_unique();
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/format.h"
#include "formats/tensor_parts.h"

namespace brainsurgery {

inline constexpr std::string_view kBrokenLink = "a link that points to nothing";

class CheckpointFiles {
 public:
  // `part`: which state dict of the file; empty: the usual one. All arguments must outlive the object.
  CheckpointFiles(Env& env, const FormatRegistry& formats, const int& threads, Checkpoint& checkpoint,
                  const std::string& part)
      : env_(env), formats_(formats), threads_(threads), checkpoint_(checkpoint), part_(part) {}

  // A file without tensors is no part of the model, unless its name or an index says so: then tensors are missing.
  enum class Others : std::uint8_t { refused, left_aside };
  // Parts of one tensor that several of the files hold are joined.
  void add(const std::vector<std::string>& names, Others without_tensors);
  // Why the first file that was left aside is no part of the model; nullptr: none was.
  [[nodiscard]] const std::string* first_left_aside() const {
    return left_aside_.empty() ? nullptr : &left_aside_.front().reason;
  }
  void warn_of_left_aside();
  void note_format(std::string_view name);
  void check_unique() const;

  // How messages about several files begin.
  [[nodiscard]] std::string subject() const;
  // Throws HalfPublished where the folder that the file stands in, or the one that a link in its place leads to, holds
  // an interrupted publication.
  [[nodiscard]] std::shared_ptr<const ReadableFile> open_file(const std::string& path) const;
  [[nodiscard]] bool is_broken_link(const std::string& path) const;
  [[noreturn]] void fail_unreadable(const std::string& path, const Format* format) const;

 private:
  // What one file holds.
  struct Part {
    std::string_view format;
    FileContents contents;
  };
  struct LeftAside {
    std::string name, reason;
  };
  struct TakenParts {
    std::size_t position = 0;  // in the checkpoint's tensors
    std::vector<TensorPart> parts;
  };

  [[nodiscard]] std::string what_is_read() const;
  [[nodiscard]] Part read_file(const std::string& name) const;
  [[nodiscard]] std::vector<Part> read_files(const std::vector<std::string>& names) const;
  void take_parts(FileContents& contents);
  void take_shards(FileContents& contents);
  void take(TensorEntry tensor, TensorPart part);
  void join_taken_parts();
  void warn_of_shards(const FileContents& contents, const std::string& name);
  void merge_metadata(Metadata metadata, const std::string& name);

  Env& env_;
  const FormatRegistry& formats_;
  const int& threads_;
  Checkpoint& checkpoint_;
  const std::string& part_;
  std::map<std::string, TakenParts> taken_parts_;  // by tensor: of files that hold parts
  std::vector<LeftAside> left_aside_;              // files without tensors beside others
};

}  // namespace brainsurgery
