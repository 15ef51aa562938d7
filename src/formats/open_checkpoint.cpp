// checkpoint.h: which files make a checkpoint.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/json_text.h"
#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/checkpoint.h"
#include "brainsurgery/error.h"
#include "brainsurgery/format.h"
#include "formats/checkpoint_files.h"
#include "formats/dcp.h"
#include "formats/hub_cache.h"
#include "formats/model_family.h"
#include "formats/path_pattern.h"
#include "formats/safetensors_index.h"
#include "formats/staged_checkpoint.h"
#include "formats/weights_family.h"
#include "publish/journal.h"
#include "publish/staging.h"

namespace brainsurgery {

namespace {

bool is_dcp_data(const std::string& name) { return name.ends_with(kDcpSuffix); }

class Opener {
 public:
  Opener(Env& env, const FormatRegistry& formats, const std::string& path, int threads)
      : env_(env), formats_(formats), threads_(threads) {
    checkpoint_.path = path;
    if (env.status(path)) return;
    if (has_wildcards(path)) matches_ = match_path(env, path);
    const std::size_t hash = path.find_last_of('#');
    if (hash == std::string::npos || !matches_.names.empty()) return;
    checkpoint_.path = path.substr(0, hash);
    part_ = path.substr(hash + 1);
    if (part_.empty()) throw Error(ErrorCode::run, in_quotes(path) + " names no part behind '#'");
  }

  Checkpoint open() {
    refuse_half_published_folders();
    return open_as_it_is();
  }
  Checkpoint open_as_it_is();

 private:
  [[noreturn]] void fail_missing() const;
  [[noreturn]] void fail_unmatched() const;
  // Every way into a folder whose publication was interrupted ends here: HalfPublished.
  void refuse_half_published_folders() const;
  [[noreturn]] void fail_without_tensors(const std::vector<std::string>& names) const;
  void open_directory();
  [[nodiscard]] std::optional<std::string> snapshot_of(const std::vector<std::string>& names) const {
    const std::string root = join_path(checkpoint_.path, "");
    if (checkpoint_.root != root) return std::nullopt;  // a snapshot holds none
    return find_snapshot(env_, root, names, files_.subject());
  }
  [[nodiscard]] bool open_family(const std::vector<std::string>& names, const WeightsFamily& family);
  void open_dcp(const std::vector<std::string>& names);
  [[nodiscard]] std::optional<std::string> find_index(const std::vector<std::string>& names,
                                                      const WeightsFamily& family) const;
  bool open_indexed(const std::string& index_name, const std::vector<std::string>& shards, const WeightsFamily& family);
  [[nodiscard]] std::vector<std::string> find_shards(const std::vector<std::string>& names, const WeightsFamily& family) const;
  template <typename Read>
  void warn_of_others(const std::vector<std::string>& names, const Read& is_read);
  void require_all_parts(const std::vector<std::string>& names);

  Env& env_;
  const FormatRegistry& formats_;
  int threads_;
  Checkpoint checkpoint_;
  PathMatches matches_;
  std::string part_;  // which state dict of the file; empty: the usual one
  CheckpointFiles files_{env_, formats_, threads_, checkpoint_, part_};
};

void Opener::refuse_half_published_folders() const {
  const std::string& path = checkpoint_.path;
  for (std::string_view rest = path; !rest.empty(); rest.remove_prefix(std::min(rest.find('/'), rest.size() - 1) + 1)) {
    if (!is_any_staging_name(rest.substr(0, rest.find('/')))) continue;
    throw Error(ErrorCode::run, in_quotes(path) + " belongs to a publication that was not finished");
  }
  for (const std::string& folder : matches_.folders)
    refuse_half_published(env_, matches_.root + folder + (matches_.root.empty() && folder.empty() ? "." : ""));
  const std::optional<FileStatus> status = env_.status(path);
  const bool is_directory = status && status->kind == FileStatus::Kind::directory;
  if (matches_.folders.empty()) refuse_half_published(env_, is_directory ? path : split_path(path).directory);
}

Checkpoint Opener::open_as_it_is() {
  const std::string& path = checkpoint_.path;
  if (!matches_.names.empty()) {
    checkpoint_.root = matches_.root;
    require_all_parts(matches_.names);
    files_.add(matches_.names, CheckpointFiles::Others::left_aside);
    if (checkpoint_.files.empty()) throw Error(ErrorCode::run, *files_.first_left_aside());
    files_.warn_of_left_aside();
    files_.check_unique();
    return std::move(checkpoint_);
  }
  const std::optional<FileStatus> status = env_.status(path);
  if (!status) has_wildcards(path) ? fail_unmatched() : fail_missing();
  if (status->kind == FileStatus::Kind::directory) {
    checkpoint_.is_directory = true;
    checkpoint_.root = join_path(path, "");
    open_directory();
    files_.check_unique();
  } else {
    const std::string name = split_path(path).name;
    checkpoint_.root = path.substr(0, path.size() - name.size());
    files_.add({name}, CheckpointFiles::Others::refused);
  }
  return std::move(checkpoint_);
}

void Opener::fail_unmatched() const {
  if (!part_.empty()) {
    throw Error(ErrorCode::run,
                in_quotes(checkpoint_.path + "#" + part_) + ": '#" + part_ + "' is for one file, not for a pattern");
  }
  std::string message = "no file matches " + in_quotes(checkpoint_.path);
  for (std::size_t i = 0; i < matches_.near.size(); ++i)
    message += (i == 0 ? "; did you mean " : " or ") + in_quotes(matches_.near[i]);
  throw Error(ErrorCode::run, message + (matches_.near.empty() ? "" : "?"));
}

void Opener::fail_missing() const {
  if (files_.is_broken_link(checkpoint_.path))
    throw Error(ErrorCode::run, "checkpoint " + in_quotes(checkpoint_.path) + " is " + std::string(kBrokenLink));
  std::string message = "checkpoint " + in_quotes(checkpoint_.path) + " does not exist";
  std::string path = checkpoint_.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::string directory = split_path(path).directory;
  const auto status = env_.status(directory);
  if (!status || status->kind != FileStatus::Kind::directory) {
    throw Error(ErrorCode::run, message + ", nor does the directory " + in_quotes(directory));
  }
  const std::vector<std::string> near = nearest_many(split_path(path).name, env_.list(directory), 3);
  for (std::size_t i = 0; i < near.size(); ++i) {
    const bool bare = directory == "." && !path.starts_with("./");
    message += (i == 0 ? "; did you mean " : " or ") + in_quotes(bare ? near[i] : join_path(directory, near[i]));
  }
  throw Error(ErrorCode::run, message + (near.empty() ? "" : "?"));
}

void Opener::fail_without_tensors(const std::vector<std::string>& names) const {
  if (files_.first_left_aside() != nullptr) throw Error(ErrorCode::run, *files_.first_left_aside());
  const std::string message = files_.subject() + " holds no checkpoint";
  for (const std::string& name : names) {
    const Format* format = formats_.by_suffix(name);
    if (format != nullptr && format->read == nullptr) files_.fail_unreadable(checkpoint_.root + name, format);
    if (format != nullptr) {
      throw Error(ErrorCode::run, message + "; name the file " + in_quotes(checkpoint_.root + name) + " itself");
    }
    if (is_dcp_data(name)) {
      throw Error(ErrorCode::run,
                  message + "; of a distributed PyTorch checkpoint it lacks " + in_quotes(kDcpMetadata));
    }
  }
  throw Error(ErrorCode::run, message);
}

void Opener::open_directory() {
  const std::vector<std::string> names = env_.list(checkpoint_.root);
  const Checkpoint nothing = checkpoint_;
  const bool is_opened = open_family(names, safetensors_family());
  if (!checkpoint_.tensors.empty() || !checkpoint_.index.empty()) return;
  Checkpoint empty_model = std::exchange(checkpoint_, nothing);
  if (std::ranges::find(names, kDcpMetadata) != names.end() && std::ranges::any_of(names, is_dcp_data))
    return open_dcp(names);
  if (open_family(names, torch_family())) return;
  if (is_opened) {
    checkpoint_ = std::move(empty_model);
  } else if (const std::optional<std::string> snapshot = snapshot_of(names)) {
    checkpoint_.root += *snapshot;
    refuse_half_published(env_, checkpoint_.root);
    open_directory();
  } else {
    fail_without_tensors(names);
  }
}

bool Opener::open_family(const std::vector<std::string>& names, const WeightsFamily& family) {
  const std::vector<std::string> files = find_shards(names, family);
  bool is_indexed = false;
  if (const std::optional<std::string> index_name = find_index(names, family)) {
    is_indexed = open_indexed(*index_name, files, family);
  } else {
    require_all_parts(files);
    files_.add(files, CheckpointFiles::Others::left_aside);
    if (checkpoint_.files.empty()) return false;
    files_.warn_of_left_aside();
  }
  warn_of_others(names, [&](const std::string& name) {
    if (!is_indexed && family.holds_weights(name)) return true;  // read, left aside, or warned of
    return std::ranges::find(checkpoint_.files, name) != checkpoint_.files.end();
  });
  return true;
}

void Opener::open_dcp(const std::vector<std::string>& names) {
  const auto metadata = files_.open_file(checkpoint_.root + std::string(kDcpMetadata));
  checkpoint_.files.emplace_back(kDcpMetadata);
  FileContents contents = read_dcp(*metadata, [&](const std::string& name) -> std::shared_ptr<const ReadableFile> {
    checkpoint_.files.push_back(name);
    return files_.open_file(checkpoint_.root + name);
  });
  files_.note_format(dcp_format().name);
  checkpoint_.tensors = std::move(contents.tensors);
  checkpoint_.extras = std::move(contents.extras);
  for (const std::string& warning : contents.warnings) checkpoint_.warnings.push_back(files_.subject() + ": " + warning);
  warn_of_others(names, is_dcp_data);
}

// The index to go by: the usual one, else the only one.
std::optional<std::string> Opener::find_index(const std::vector<std::string>& names, const WeightsFamily& family) const {
  const std::string usual = std::string(family.whole) + ".index.json";
  if (std::find(names.begin(), names.end(), usual) != names.end()) return usual;
  std::optional<std::string> found;
  for (const std::string& name : names) {
    if (!family.is_index(name)) continue;
    if (found) {
      throw Error(ErrorCode::run, files_.subject() + " holds several indexes, " + in_quotes(*found) + " and " +
                                      in_quotes(name) + ", and no " + in_quotes(usual) + "; keep one of them");
    }
    found = name;
  }
  return found;
}

// A file of the index's own name ("model.safetensors") that is not one of its shards: loaders take that file and never
// look at the index, so the index is what a later save forgot to remove. Whether the index was followed.
bool Opener::open_indexed(const std::string& index_name, const std::vector<std::string>& shards, const WeightsFamily& family) {
  const std::string path = checkpoint_.root + index_name;
  checkpoint_.index = index_name;
  SafetensorsIndex index = parse_index(env_.read_text(path, kMaxIndexBytes), in_quotes(path), family.shard_suffix);
  const std::string whole = whole_of_index(index_name);
  if (std::binary_search(shards.begin(), shards.end(), whole) &&
      !std::binary_search(index.files.begin(), index.files.end(), whole)) {
    checkpoint_.warnings.push_back(
        files_.subject() + " holds " + in_quotes(whole) + " and " + in_quotes(index_name) +
        ", which does not name it; the index is ignored, as other loaders do; remove the outdated one");
    files_.add({whole}, CheckpointFiles::Others::refused);
    return false;
  }
  if (index.files.empty() && !shards.empty()) {
    throw Error(ErrorCode::run, index.shown_path + ": names no file, but the directory holds " +
                                    in_quotes(shards.front()) + "; remove the index or the file");
  }
  for (const std::string& file : index.files) {
    if (!env_.status(checkpoint_.root + file)) {
      throw Error(ErrorCode::run, index.shown_path + ": names the file " + in_quotes(file) +
                                      (files_.is_broken_link(checkpoint_.root + file) ? ", " + std::string(kBrokenLink)
                                                                               : ", which does not exist"));
    }
  }
  for (const MissingPart& part : missing_parts(index.files)) {
    checkpoint_.warnings.push_back(index.shown_path + ": does not name " + in_quotes(part.name) +
                                   ", which is numbered with the files that it names");
  }
  files_.add(index.files, CheckpointFiles::Others::refused);
  for (std::string& warning : check_against_index(index, checkpoint_))
    checkpoint_.warnings.push_back(std::move(warning));
  return true;
}

std::vector<std::string> Opener::find_shards(const std::vector<std::string>& names, const WeightsFamily& family) const {
  std::vector<std::string> shards;
  for (const std::string& name : names) {
    if (!family.holds_weights(name)) continue;
    const auto status = env_.status(checkpoint_.root + name);
    if (status && status->kind == FileStatus::Kind::directory) continue;
    shards.push_back(name);
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

// What may be another model, or another version of this one.
template <typename Read>
void Opener::warn_of_others(const std::vector<std::string>& names, const Read& is_read) {
  const auto other = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
    const bool is_weights = safetensors_family().holds_weights(name) || torch_family().holds_weights(name) || is_dcp_data(name) ||
                            formats_.by_suffix(name) != nullptr;
    if (!is_weights || is_read(name) || is_trainer_file(ascii_lower(name)) || name.starts_with('.')) return false;
    const auto status = env_.status(checkpoint_.root + name);
    return !status || status->kind != FileStatus::Kind::directory;
  });
  if (other != names.end()) {
    checkpoint_.warnings.push_back(files_.subject() + ": " + in_quotes(*other) + " in it is not read");
  }
}

// Of numbered files without an index. A pattern may choose some of those that are there.
void Opener::require_all_parts(const std::vector<std::string>& names) {
  for (const MissingPart& part : missing_parts(names)) {
    if (env_.status(checkpoint_.root + part.name)) {
      checkpoint_.warnings.push_back(files_.subject() + ": does not match " + in_quotes(part.name) +
                                     ", which is numbered with others that it matches");
      continue;
    }
    if (!part.is_certain) {
      checkpoint_.warnings.push_back(files_.subject() + ": " + in_quotes(part.present) +
                                     " has the number of a shard, and no other shard is there; if it is one, tensors "
                                     "are missing");
      continue;
    }
    throw Error(ErrorCode::run, files_.subject() + ": of the shards in it " + in_quotes(part.name) +
                                    " is missing; name the files one by one to read the others alone");
  }
}

}  // namespace

Checkpoint open_checkpoint(Env& env, const FormatRegistry& formats, const std::string& path, int threads) {
  return Opener(env, formats, path, threads).open();
}

Checkpoint open_staged_checkpoint(Env& env, const FormatRegistry& formats, const std::string& path, int threads) {
  return Opener(env, formats, path, threads).open_as_it_is();
}

std::string_view file_name_of(const Checkpoint& checkpoint, const TensorEntry& tensor) {
  return std::string_view(tensor.file->path()).substr(checkpoint.root.size());
}

}  // namespace brainsurgery
