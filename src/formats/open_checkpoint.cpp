// checkpoint.h: which files make a checkpoint, and how their contents become one list.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "base/json_text.h"
#include "base/spelling.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "brainsurgery/checkpoint.h"
#include "brainsurgery/error.h"
#include "brainsurgery/format.h"
#include "formats/dcp.h"
#include "formats/duplicate_names.h"
#include "formats/model_family.h"
#include "formats/path_pattern.h"
#include "formats/safetensors.h"
#include "formats/safetensors_index.h"
#include "formats/shards.h"
#include "formats/tensor_parts.h"
#include "publish/journal.h"
#include "publish/staging.h"

namespace brainsurgery {

namespace {

std::string joined(const std::string& directory, std::string_view name) {
  const bool has_slash = directory.ends_with('/');
  return directory + (has_slash ? "" : "/") + std::string(name);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view without_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "weights/embedding.npy" without its folder and its suffix: what a tensor without a name is called.
std::string stem_of(const std::string& path, const Format& format) {
  std::string stem(base_name(path));
  for (const std::string_view suffix : format.suffixes) {
    if (stem.size() > suffix.size() && ascii_lower(stem).ends_with(suffix)) {
      stem.resize(stem.size() - suffix.size());
      break;
    }
  }
  return is_valid_utf8(stem) ? stem : escape_for_terminal(stem);
}

// Files of one format that make up a model in a directory.
struct Family {
  std::string_view whole;                  // the only file, or what the shards are parts of
  std::string_view shard_suffix;           // of the files that an index names
  std::vector<std::string_view> suffixes;  // of all that may hold weights, lower case

  // "model.safetensors.index.json", or "model.safetensors.index.fp16.json" of a variant.
  [[nodiscard]] bool is_index(std::string_view name) const {
    const std::size_t index = name.rfind(std::string(shard_suffix) + ".index.");
    return index != std::string_view::npos && name.ends_with(".json") && !name.starts_with('.');
  }
  // Hidden files are leftovers of other programs, and trainers keep their state in the same formats.
  [[nodiscard]] bool holds_weights(const std::string& name) const {
    const std::string lower = ascii_lower(name);
    return !name.starts_with('.') && !is_trainer_file(lower) &&
           std::ranges::any_of(suffixes, [&](std::string_view suffix) { return lower.ends_with(suffix); });
  }
};

const Family kSafetensors{kSingleFileName, ".safetensors", {".safetensors", ".sft"}};
const Family kTorch{"pytorch_model.bin", ".bin", {".pt", ".pth", ".bin", ".ckpt", ".pth.tar"}};

// What a loader looks for where the index is: "model.fp16.safetensors" for "model.safetensors.index.fp16.json".
std::string whole_of_index(const std::string& index) {
  constexpr std::string_view kWord = ".index";
  const std::size_t word = index.rfind(".index.");
  const std::size_t json = index.size() - std::string_view(".json").size();
  const std::string variant = index.substr(word + kWord.size(), json - word - kWord.size());  // ".fp16", or nothing
  const std::string stem = index.substr(0, word);
  return stem.substr(0, stem.rfind('.')) + variant + stem.substr(stem.rfind('.'));
}

constexpr std::string_view kBrokenLink = "a link that points to nothing";

void append(std::vector<TensorEntry>& to, std::vector<TensorEntry> tensors) {
  to.insert(to.end(), std::move_iterator(tensors.begin()), std::move_iterator(tensors.end()));
}

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

  Checkpoint open();

 private:
  // How messages about several files begin.
  [[nodiscard]] std::string subject() const {
    return (checkpoint_.is_directory ? "directory " : "") + in_quotes(checkpoint_.path);
  }
  [[nodiscard]] std::string what_is_read() const {
    return fmt::format("this version reads {}", fmt::join(formats_.readable_names(), ", "));
  }
  [[noreturn]] void fail_missing() const;
  [[noreturn]] void fail_unmatched() const;
  // Every way into a folder whose publication was interrupted ends here: HalfPublished.
  void refuse_half_published_folders() const;
  // The same for the folder that the file stands in, and for the one that a link in its place leads to.
  [[nodiscard]] std::shared_ptr<const ReadableFile> open_file(const std::string& path) const;
  [[nodiscard]] bool is_broken_link(const std::string& path) const {
    return !env_.status(path) && env_.status(path, false);
  }
  [[noreturn]] void fail_without_tensors(const std::vector<std::string>& names) const;
  [[noreturn]] void fail_unreadable(const std::string& path, const Format* format) const;
  void open_directory();
  [[nodiscard]] bool open_family(const std::vector<std::string>& names, const Family& family);
  void open_dcp(const std::vector<std::string>& names);
  [[nodiscard]] std::optional<std::string> find_index(const std::vector<std::string>& names,
                                                      const Family& family) const;
  bool open_indexed(const std::string& index_name, const std::vector<std::string>& shards, const Family& family);
  [[nodiscard]] std::vector<std::string> find_shards(const std::vector<std::string>& names, const Family& family) const;
  template <typename Read>
  void warn_of_others(const std::vector<std::string>& names, const Read& is_read);
  // What one file holds.
  struct Part {
    std::string_view format;
    FileContents contents;
  };
  [[nodiscard]] Part read_file(const std::string& name) const;
  [[nodiscard]] std::vector<Part> read_files(const std::vector<std::string>& names) const;
  enum class Others : std::uint8_t { refused, left_aside };
  void add_files(const std::vector<std::string>& names, Others without_tensors);
  void warn_of_left_aside();
  void require_all_parts(const std::vector<std::string>& names);
  [[nodiscard]] std::optional<std::string> find_snapshot(const std::vector<std::string>& names) const;
  void note_format(std::string_view name);
  void take_parts(FileContents& contents);
  void join_taken_parts();
  void merge_metadata(Metadata metadata, const std::string& name);
  void check_unique() const;

  Env& env_;
  const FormatRegistry& formats_;
  int threads_;
  Checkpoint checkpoint_;
  PathMatches matches_;
  std::string part_;  // which state dict of the file; empty: the usual one
  struct LeftAside {
    std::string name, reason;
  };
  struct TakenParts {
    std::size_t position = 0;  // in the checkpoint's tensors
    std::vector<TensorPart> parts;
  };
  std::map<std::string, TakenParts> taken_parts_;  // by tensor: of files that hold parts
  std::vector<LeftAside> left_aside_;  // files without tensors beside others
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
  if (matches_.folders.empty()) refuse_half_published(env_, is_directory ? path : directory_of(path));
}

std::shared_ptr<const ReadableFile> Opener::open_file(const std::string& path) const {
  refuse_half_published(env_, directory_of(path));
  const auto status = env_.status(path, false);
  if (status && status->kind == FileStatus::Kind::link)
    refuse_half_published(env_, directory_of(env_.real_path(path)));
  return env_.open(path);
}

Checkpoint Opener::open() {
  refuse_half_published_folders();
  const std::string& path = checkpoint_.path;
  if (!matches_.names.empty()) {
    checkpoint_.root = matches_.root;
    require_all_parts(matches_.names);
    add_files(matches_.names, Others::left_aside);
    if (checkpoint_.files.empty()) throw Error(ErrorCode::run, left_aside_.front().reason);
    warn_of_left_aside();
    check_unique();
    return std::move(checkpoint_);
  }
  const std::optional<FileStatus> status = env_.status(path);
  if (!status) has_wildcards(path) ? fail_unmatched() : fail_missing();
  if (status->kind == FileStatus::Kind::directory) {
    checkpoint_.is_directory = true;
    checkpoint_.root = joined(path, "");
    open_directory();
    check_unique();
  } else {
    const std::string_view name = base_name(path);
    checkpoint_.root = path.substr(0, path.size() - name.size());
    add_files({std::string(name)}, Others::refused);
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
  if (is_broken_link(checkpoint_.path))
    throw Error(ErrorCode::run, "checkpoint " + in_quotes(checkpoint_.path) + " is " + std::string(kBrokenLink));
  std::string message = "checkpoint " + in_quotes(checkpoint_.path) + " does not exist";
  const std::string path(without_slash(checkpoint_.path));
  const std::string directory = directory_of(path);
  const auto status = env_.status(directory);
  if (!status || status->kind != FileStatus::Kind::directory) {
    throw Error(ErrorCode::run, message + ", nor does the directory " + in_quotes(directory));
  }
  const std::vector<std::string> near = nearest_many(base_name(path), env_.list(directory), 3);
  for (std::size_t i = 0; i < near.size(); ++i) {
    const bool bare = directory == "." && !path.starts_with("./");
    message += (i == 0 ? "; did you mean " : " or ") + in_quotes(bare ? near[i] : joined(directory, near[i]));
  }
  throw Error(ErrorCode::run, message + (near.empty() ? "" : "?"));
}

void Opener::fail_unreadable(const std::string& path, const Format* format) const {
  if (kSafetensors.is_index(base_name(path)) || kTorch.is_index(base_name(path))) {
    throw Error(ErrorCode::run, in_quotes(path) + " is the index of a checkpoint; name its directory instead");
  }
  if (format == nullptr) {
    throw Error(ErrorCode::run, in_quotes(path) + " is not a checkpoint; " + what_is_read());
  }
  const std::string advice = format->advice.empty() ? what_is_read() : std::string(format->advice);
  throw Error(ErrorCode::run, in_quotes(path) + " is " + std::string(format->description) + "; " + advice);
}

void Opener::fail_without_tensors(const std::vector<std::string>& names) const {
  if (!left_aside_.empty()) throw Error(ErrorCode::run, left_aside_.front().reason);
  const std::string message = subject() + " holds no checkpoint";
  for (const std::string& name : names) {
    const Format* format = formats_.by_suffix(name);
    if (format != nullptr && format->read == nullptr) fail_unreadable(checkpoint_.root + name, format);
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
  const bool is_opened = open_family(names, kSafetensors);
  if (!checkpoint_.tensors.empty() || !checkpoint_.index.empty()) return;
  Checkpoint empty_model = std::exchange(checkpoint_, nothing);
  if (std::ranges::find(names, kDcpMetadata) != names.end() && std::ranges::any_of(names, is_dcp_data))
    return open_dcp(names);
  if (open_family(names, kTorch)) return;
  if (is_opened) {
    checkpoint_ = std::move(empty_model);
  } else if (const std::optional<std::string> snapshot = find_snapshot(names)) {
    checkpoint_.root += *snapshot;
    refuse_half_published(env_, checkpoint_.root);
    open_directory();
  } else {
    fail_without_tensors(names);
  }
}

bool Opener::open_family(const std::vector<std::string>& names, const Family& family) {
  const std::vector<std::string> files = find_shards(names, family);
  bool is_indexed = false;
  if (const std::optional<std::string> index_name = find_index(names, family)) {
    is_indexed = open_indexed(*index_name, files, family);
  } else {
    require_all_parts(files);
    add_files(files, Others::left_aside);
    if (checkpoint_.files.empty()) return false;
    warn_of_left_aside();
  }
  warn_of_others(names, [&](const std::string& name) {
    if (!is_indexed && family.holds_weights(name)) return true;  // read, left aside, or warned of
    return std::ranges::find(checkpoint_.files, name) != checkpoint_.files.end();
  });
  return true;
}

// huggingface_hub's cache of a model holds a folder for each commit; refs/main has the name of the one that is current.
std::optional<std::string> Opener::find_snapshot(const std::vector<std::string>& names) const {
  constexpr std::string_view kSnapshots = "snapshots/";
  constexpr std::int64_t kMaxCommit = 4096;
  const bool is_cache = std::ranges::find(names, "snapshots") != names.end() &&
                        (std::ranges::find(names, "refs") != names.end() ||
                         std::ranges::find(names, "blobs") != names.end() ||
                         base_name(without_slash(checkpoint_.path)).starts_with("models--")) &&
                        checkpoint_.root == joined(checkpoint_.path, "");
  if (!is_cache) return std::nullopt;
  const std::string folder = checkpoint_.root + std::string(kSnapshots);
  std::vector<std::string> commits = env_.list(folder);
  std::erase_if(commits, [&](const std::string& commit) {
    const auto status = env_.status(folder + commit);
    return !status || status->kind != FileStatus::Kind::directory;
  });
  if (const std::string main = checkpoint_.root + "refs/main"; env_.status(main)) {
    const std::string commit(trim(env_.read_text(main, kMaxCommit)));
    if (std::ranges::find(commits, commit) != commits.end()) return std::string(kSnapshots) + commit + "/";
  }
  if (commits.size() == 1) return std::string(kSnapshots) + commits.front() + "/";
  if (commits.empty())
    throw Error(ErrorCode::run, subject() + " is a cache of models without a snapshot; download the model again");
  constexpr std::size_t kShown = 5;
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < std::min(commits.size(), kShown); ++i) notes.push_back(in_quotes(folder + commits[i]));
  if (commits.size() > kShown) notes.push_back(fmt::format("and {} more", commits.size() - kShown));
  throw Error(ErrorCode::run,
              fmt::format("{} is a cache of {} snapshots, and its refs/main names none of them; name the directory of "
                          "one",
                          subject(), commits.size()),
              {}, std::move(notes));
}

void Opener::open_dcp(const std::vector<std::string>& names) {
  const auto metadata = open_file(checkpoint_.root + std::string(kDcpMetadata));
  checkpoint_.files.emplace_back(kDcpMetadata);
  FileContents contents = read_dcp(*metadata, [&](const std::string& name) -> std::shared_ptr<const ReadableFile> {
    checkpoint_.files.push_back(name);
    return open_file(checkpoint_.root + name);
  });
  note_format(dcp_format().name);
  checkpoint_.tensors = std::move(contents.tensors);
  checkpoint_.extras = std::move(contents.extras);
  for (const std::string& warning : contents.warnings) checkpoint_.warnings.push_back(subject() + ": " + warning);
  warn_of_others(names, is_dcp_data);
}

// The index to go by: the usual one, else the only one.
std::optional<std::string> Opener::find_index(const std::vector<std::string>& names, const Family& family) const {
  const std::string usual = std::string(family.whole) + ".index.json";
  if (std::find(names.begin(), names.end(), usual) != names.end()) return usual;
  std::optional<std::string> found;
  for (const std::string& name : names) {
    if (!family.is_index(name)) continue;
    if (found) {
      throw Error(ErrorCode::run, subject() + " holds several indexes, " + in_quotes(*found) + " and " +
                                      in_quotes(name) + ", and no " + in_quotes(usual) + "; keep one of them");
    }
    found = name;
  }
  return found;
}

// A file of the index's own name ("model.safetensors") that is not one of its shards: loaders take that file and never
// look at the index, so the index is what a later save forgot to remove. Whether the index was followed.
bool Opener::open_indexed(const std::string& index_name, const std::vector<std::string>& shards, const Family& family) {
  const std::string path = checkpoint_.root + index_name;
  checkpoint_.index = index_name;
  SafetensorsIndex index = parse_index(env_.read_text(path, kMaxIndexBytes), in_quotes(path), family.shard_suffix);
  const std::string whole = whole_of_index(index_name);
  if (std::binary_search(shards.begin(), shards.end(), whole) &&
      !std::binary_search(index.files.begin(), index.files.end(), whole)) {
    checkpoint_.warnings.push_back(
        subject() + " holds " + in_quotes(whole) + " and " + in_quotes(index_name) +
        ", which does not name it; the index is ignored, as other loaders do; remove the outdated one");
    add_files({whole}, Others::refused);
    return false;
  }
  if (index.files.empty() && !shards.empty()) {
    throw Error(ErrorCode::run, index.shown_path + ": names no file, but the directory holds " +
                                    in_quotes(shards.front()) + "; remove the index or the file");
  }
  for (const std::string& file : index.files) {
    if (!env_.status(checkpoint_.root + file)) {
      throw Error(ErrorCode::run, index.shown_path + ": names the file " + in_quotes(file) +
                                      (is_broken_link(checkpoint_.root + file) ? ", " + std::string(kBrokenLink)
                                                                               : ", which does not exist"));
    }
  }
  for (const MissingPart& part : missing_parts(index.files)) {
    checkpoint_.warnings.push_back(index.shown_path + ": does not name " + in_quotes(part.name) +
                                   ", which is numbered with the files that it names");
  }
  add_files(index.files, Others::refused);
  for (std::string& warning : check_against_index(index, checkpoint_))
    checkpoint_.warnings.push_back(std::move(warning));
  return true;
}

std::vector<std::string> Opener::find_shards(const std::vector<std::string>& names, const Family& family) const {
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
    const bool is_weights = kSafetensors.holds_weights(name) || kTorch.holds_weights(name) || is_dcp_data(name) ||
                            formats_.by_suffix(name) != nullptr;
    if (!is_weights || is_read(name) || is_trainer_file(ascii_lower(name)) || name.starts_with('.')) return false;
    const auto status = env_.status(checkpoint_.root + name);
    return !status || status->kind != FileStatus::Kind::directory;
  });
  if (other != names.end()) {
    checkpoint_.warnings.push_back(subject() + ": " + in_quotes(*other) + " in it is not read");
  }
}

void Opener::note_format(std::string_view name) {
  std::string& known = checkpoint_.format;
  if (known.find(name) == std::string::npos) known += (known.empty() ? "" : ", ") + std::string(name);
}

Opener::Part Opener::read_file(const std::string& name) const {
  const std::string path = checkpoint_.root + name;
  if (is_broken_link(path)) throw Error(ErrorCode::run, in_quotes(path) + " is " + std::string(kBrokenLink));
  const std::shared_ptr<const ReadableFile> file = open_file(path);
  const std::int64_t size = file->status().size;
  std::vector<std::byte> head(static_cast<std::size_t>(std::min(size, FormatRegistry::kHeadBytes)));
  file->read(0, head);
  const Format* format = formats_.recognise(path, head, size);
  if (format == nullptr || format->read == nullptr) fail_unreadable(path, format);
  if (is_called_safetensors(path) && format->name != "safetensors") {
    throw Error(ErrorCode::run, in_quotes(path) + " is " + std::string(format->description) +
                                    ", which contradicts its suffix; rename it if that is intended");
  }
  if (!part_.empty() && format->read_part == nullptr)
    throw Error(ErrorCode::run, in_quotes(path) + " has no parts; '#" + part_ + "' is for PyTorch files");
  Part part{format->name, part_.empty() ? format->read(file) : format->read_part(file, part_)};
  for (TensorEntry& tensor : part.contents.tensors) {
    if (tensor.unnamed) tensor.name = part_.empty() ? stem_of(name, *format) : part_;
  }
  return part;
}

std::vector<Opener::Part> Opener::read_files(const std::vector<std::string>& names) const {
  constexpr std::size_t kFilesPerThread = 4;  // fewer are read before a thread has started
  const auto most_threads = static_cast<std::size_t>(std::max(threads_, 1));
  ThreadPool pool(static_cast<int>(std::clamp<std::size_t>(names.size() / kFilesPerThread, 1, most_threads)));
  std::vector<Part> parts(names.size());
  for_each_index(pool, names.size(), [&](std::size_t i) { parts[i] = read_file(names[i]); });
  return parts;
}

// A file without tensors is no part of the model, unless its name or an index says so: then tensors are missing.
void Opener::add_files(const std::vector<std::string>& names, Others without_tensors) {
  std::vector<Part> parts = read_files(names);
  std::size_t tensors = 0;
  for (const Part& part : parts) tensors += part.contents.tensors.size();
  checkpoint_.tensors.reserve(tensors);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    FileContents contents = std::move(parts[i].contents);
    if (!contents.without_tensors.empty()) {
      const bool is_of_model = is_numbered_part(names[i]) || base_name(names[i]) == kTorch.whole;
      if (is_of_model || without_tensors == Others::refused) throw Error(ErrorCode::run, contents.without_tensors);
      left_aside_.push_back({names[i], std::move(contents.without_tensors)});
      continue;
    }
    checkpoint_.files.push_back(names[i]);
    note_format(parts[i].format);
    if (names.size() > 1) take_parts(contents);
    append(checkpoint_.tensors, std::move(contents.tensors));
    append(checkpoint_.beside, std::move(contents.beside));
    for (std::string& warning : contents.warnings) checkpoint_.warnings.push_back(std::move(warning));
    merge_metadata(std::move(contents.metadata), names[i]);
  }
  join_taken_parts();
}

// Sets the tensors of a file aside that says which parts of which tensors it holds.
void Opener::take_parts(FileContents& contents) {
  const auto pair = std::ranges::find(contents.metadata, kPartOffsets, &Metadata::value_type::first);
  if (pair == contents.metadata.end()) return;
  const PartOffsets offsets = parse_part_offsets(
      pair->second, in_quotes(checkpoint_.root + checkpoint_.files.back()) + ": invalid " + std::string(kPartOffsets));
  erase_part_pairs(contents.metadata);
  for (const auto& [name, starts] : offsets) {
    if (std::ranges::find(contents.tensors, name, &TensorEntry::name) != contents.tensors.end()) continue;
    checkpoint_.warnings.push_back(fmt::format("{}: {} places {}, which the file does not hold",
                                               in_quotes(checkpoint_.root + checkpoint_.files.back()), kPartOffsets,
                                               in_quotes(name)));
    break;
  }
  for (TensorEntry& tensor : std::exchange(contents.tensors, {})) {
    const auto known = offsets.find(tensor.name);
    Shape starts = known == offsets.end() ? Shape(tensor.desc.shape.size(), 0) : known->second;
    const auto [at, is_first] = taken_parts_.try_emplace(tensor.name);
    if (is_first) {
      at->second.position = checkpoint_.tensors.size();
      checkpoint_.tensors.push_back(tensor);
    }
    at->second.parts.push_back({std::move(tensor), std::move(starts)});
  }
}

void Opener::join_taken_parts() {
  std::vector<std::string_view> repeated;
  for (auto& [name, taken] : taken_parts_) {
    JoinedTensor joined = join_parts(std::move(taken.parts), subject());
    checkpoint_.tensors[taken.position] = std::move(joined.tensor);
    if (joined.is_repeated) repeated.push_back(name);
  }
  if (!repeated.empty()) {
    checkpoint_.warnings.push_back(
        fmt::format("{}: several files hold the same part of {}{}; that of the first file is read, the others are not "
                    "compared with it",
                    subject(), in_quotes(repeated.front()),
                    repeated.size() == 1 ? "" : fmt::format(" and {} more tensors", repeated.size() - 1)));
  }
  taken_parts_.clear();
}

void Opener::warn_of_left_aside() {
  if (left_aside_.empty()) return;
  const std::size_t more = left_aside_.size() - 1;
  checkpoint_.warnings.push_back(fmt::format("{}: {}{} without tensors {} not read", subject(),
                                             in_quotes(left_aside_.front().name),
                                             more == 0 ? "" : fmt::format(" and {} more", more),
                                             more == 0 ? "is" : "are"));
}

// Of numbered files without an index. A pattern may choose some of those that are there.
void Opener::require_all_parts(const std::vector<std::string>& names) {
  for (const MissingPart& part : missing_parts(names)) {
    if (env_.status(checkpoint_.root + part.name)) {
      checkpoint_.warnings.push_back(subject() + ": does not match " + in_quotes(part.name) +
                                     ", which is numbered with others that it matches");
      continue;
    }
    if (!part.is_certain) {
      checkpoint_.warnings.push_back(subject() + ": " + in_quotes(part.present) +
                                     " has the number of a shard, and no other shard is there; if it is one, tensors "
                                     "are missing");
      continue;
    }
    throw Error(ErrorCode::run, subject() + ": of the shards in it " + in_quotes(part.name) +
                                    " is missing; name the files one by one to read the others alone");
  }
}

void Opener::merge_metadata(Metadata metadata, const std::string& name) {
  if (checkpoint_.metadata.empty()) {
    checkpoint_.metadata = std::move(metadata);
    return;
  }
  std::map<std::string, std::string> known(checkpoint_.metadata.begin(), checkpoint_.metadata.end());
  for (auto& [key, value] : metadata) {
    const auto [at, is_new] = known.emplace(key, value);
    if (is_new) {
      checkpoint_.metadata.emplace_back(std::move(key), std::move(value));
    } else if (at->second != value) {
      checkpoint_.warnings.push_back(subject() + ": the metadata pair " + in_quotes(key) + " of " + in_quotes(name) +
                                     " differs from that of a file before it, which is kept");
    }
  }
}

void Opener::check_unique() const {
  std::vector<std::string_view> names;
  names.reserve(checkpoint_.tensors.size());
  for (const TensorEntry& tensor : checkpoint_.tensors) names.push_back(tensor.name);
  const auto twice = find_duplicate(names);
  if (!twice) return;
  throw Error(ErrorCode::run, subject() + ": the tensor " + in_quotes(names[twice->first]) + " is in " +
                                  in_quotes(file_name_of(checkpoint_, checkpoint_.tensors[twice->first])) + " and in " +
                                  in_quotes(file_name_of(checkpoint_, checkpoint_.tensors[twice->second])));
}

}  // namespace

Checkpoint open_checkpoint(Env& env, const FormatRegistry& formats, const std::string& path, int threads) {
  return Opener(env, formats, path, threads).open();
}

std::string_view file_name_of(const Checkpoint& checkpoint, const TensorEntry& tensor) {
  return std::string_view(tensor.file->path()).substr(checkpoint.root.size());
}

}  // namespace brainsurgery
