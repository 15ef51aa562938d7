#include "formats/checkpoint_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "formats/model_family.h"
#include "formats/safetensors.h"
#include "formats/weights_family.h"
#include "publish/journal.h"
#include "publish/staging.h"

namespace brainsurgery {

namespace {

// "weights/embedding.npy" without its folder and its suffix: what a tensor without a name is called.
std::string stem_of(const std::string& path, const Format& format) {
  std::string stem = split_path(path).name;
  for (const std::string_view suffix : format.suffixes) {
    if (stem.size() > suffix.size() && ascii_lower(stem).ends_with(suffix)) {
      stem.resize(stem.size() - suffix.size());
      break;
    }
  }
  return is_valid_utf8(stem) ? stem : escape_for_terminal(stem);
}

void append(std::vector<TensorEntry>& to, std::vector<TensorEntry> tensors) {
  to.insert(to.end(), std::move_iterator(tensors.begin()), std::move_iterator(tensors.end()));
}

}  // namespace

std::string CheckpointFiles::subject() const {
  return (checkpoint_.is_directory ? "directory " : "") + in_quotes(checkpoint_.path);
}

std::string CheckpointFiles::what_is_read() const {
  return fmt::format("this version reads {}", fmt::join(formats_.readable_names(), ", "));
}

bool CheckpointFiles::is_broken_link(const std::string& path) const {
  return !env_.status(path) && env_.status(path, false);
}

std::shared_ptr<const ReadableFile> CheckpointFiles::open_file(const std::string& path) const {
  refuse_half_published(env_, split_path(path).directory);
  const auto status = env_.status(path, false);
  if (status && status->kind == FileStatus::Kind::link)
    refuse_half_published(env_, split_path(env_.real_path(path)).directory);
  return env_.open(path);
}

void CheckpointFiles::fail_unreadable(const std::string& path, const Format* format) const {
  if (safetensors_family().is_index(split_path(path).name) || torch_family().is_index(split_path(path).name)) {
    throw Error(ErrorCode::run, in_quotes(path) + " is the index of a checkpoint; name its directory instead");
  }
  if (format == nullptr) {
    throw Error(ErrorCode::run, in_quotes(path) + " is not a checkpoint; " + what_is_read());
  }
  const std::string advice = format->advice.empty() ? what_is_read() : std::string(format->advice);
  throw Error(ErrorCode::run, in_quotes(path) + " is " + std::string(format->description) + "; " + advice);
}

void CheckpointFiles::note_format(std::string_view name) {
  std::string& known = checkpoint_.format;
  if (known.find(name) == std::string::npos) known += (known.empty() ? "" : ", ") + std::string(name);
}

CheckpointFiles::Part CheckpointFiles::read_file(const std::string& name) const {
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

std::vector<CheckpointFiles::Part> CheckpointFiles::read_files(const std::vector<std::string>& names) const {
  constexpr std::size_t kFilesPerThread = 4;  // fewer are read before a thread has started
  const auto most_threads = static_cast<std::size_t>(std::max(threads_, 1));
  ThreadPool pool(static_cast<int>(std::clamp<std::size_t>(names.size() / kFilesPerThread, 1, most_threads)));
  std::vector<Part> parts(names.size());
  for_each_index(pool, names.size(), [&](std::size_t i) { parts[i] = read_file(names[i]); });
  return parts;
}

void CheckpointFiles::add(const std::vector<std::string>& names, Others without_tensors) {
  std::vector<Part> parts = read_files(names);
  std::size_t tensors = 0;
  for (const Part& part : parts) tensors += part.contents.tensors.size();
  checkpoint_.tensors.reserve(tensors);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    FileContents contents = std::move(parts[i].contents);
    if (!contents.without_tensors.empty()) {
      const bool is_of_model = is_numbered_part(names[i]) || split_path(names[i]).name == torch_family().whole;
      if (is_of_model || without_tensors == Others::refused) throw Error(ErrorCode::run, contents.without_tensors);
      left_aside_.push_back({names[i], std::move(contents.without_tensors)});
      continue;
    }
    checkpoint_.files.push_back(names[i]);
    note_format(parts[i].format);
    if (names.size() > 1) {
      take_parts(contents);
      take_shards(contents);
    }
    warn_of_shards(contents, names[i]);
    append(checkpoint_.tensors, std::move(contents.tensors));
    append(checkpoint_.beside, std::move(contents.beside));
    for (std::string& warning : contents.warnings) checkpoint_.warnings.push_back(std::move(warning));
    merge_metadata(std::move(contents.metadata), names[i]);
  }
  join_taken_parts();
}

// Sets the tensors of a file aside that says which parts of which tensors it holds.
void CheckpointFiles::take_parts(FileContents& contents) {
  const auto pair = std::ranges::find(contents.metadata, kPartOffsets, &Metadata::value_type::first);
  if (pair == contents.metadata.end()) return;
  const PartOffsets offsets = parse_part_offsets(
      pair->second, in_quotes(checkpoint_.root + checkpoint_.files.back()) + ": invalid " + std::string(kPartOffsets));
  erase_part_pairs(contents.metadata);
  std::set<std::string_view> held;
  for (const TensorEntry& tensor : contents.tensors) held.insert(tensor.name);
  for (const auto& [name, starts] : offsets) {
    if (held.contains(name)) continue;
    checkpoint_.warnings.push_back(fmt::format("{}: {} places {}, which the file does not hold",
                                               in_quotes(checkpoint_.root + checkpoint_.files.back()), kPartOffsets,
                                               in_quotes(name)));
    break;
  }
  for (TensorEntry& tensor : std::exchange(contents.tensors, {})) {
    const auto known = offsets.find(tensor.name);
    Shape starts = known == offsets.end() ? Shape(tensor.desc.shape.size(), 0) : known->second;
    take(tensor, {tensor, std::move(starts)});
  }
}

// The same of a file in which a process has left its shards. Tensors of which every process has all count once.
void CheckpointFiles::take_shards(FileContents& contents) {
  const auto is_placed = [](const TensorEntry& tensor) { return tensor.shard != nullptr && tensor.shard->starts; };
  if (!std::ranges::any_of(contents.tensors, is_placed)) return;
  for (TensorEntry& tensor : std::exchange(contents.tensors, {})) {
    if (is_placed(tensor)) {
      TensorEntry part = tensor.shard->part;
      part.name = tensor.name;
      take(tensor, {std::move(part), *tensor.shard->starts});
    } else if (tensor.unreadable.empty()) {
      take(tensor, {tensor, Shape(tensor.desc.shape.size(), 0)});
    } else {
      checkpoint_.tensors.push_back(std::move(tensor));
    }
  }
}

void CheckpointFiles::take(TensorEntry tensor, TensorPart part) {
  const auto [at, is_first] = taken_parts_.try_emplace(tensor.name);
  if (is_first) {
    at->second.position = checkpoint_.tensors.size();
    checkpoint_.tensors.push_back(std::move(tensor));
  }
  at->second.parts.push_back(std::move(part));
}

// What one process of several wrote is no model, but looks like one.
void CheckpointFiles::warn_of_shards(const FileContents& contents, const std::string& name) {
  const auto is_shard = [](const TensorEntry& tensor) { return tensor.shard != nullptr; };
  const auto shards = std::ranges::count_if(contents.tensors, is_shard);
  if (shards == 0) return;
  checkpoint_.warnings.push_back(
      fmt::format("{} is one rank's part of a model: {} of its {} tensors are shards of DTensors ({}); name the "
                  "directory, or a pattern, of the files of all ranks to join them",
                  in_quotes(checkpoint_.root + name), shards, contents.tensors.size(),
                  in_quotes(std::ranges::find_if(contents.tensors, is_shard)->name)));
}

void CheckpointFiles::join_taken_parts() {
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

void CheckpointFiles::warn_of_left_aside() {
  if (left_aside_.empty()) return;
  const std::size_t more = left_aside_.size() - 1;
  checkpoint_.warnings.push_back(fmt::format("{}: {}{} without tensors {} not read", subject(),
                                             in_quotes(left_aside_.front().name),
                                             more == 0 ? "" : fmt::format(" and {} more", more),
                                             more == 0 ? "is" : "are"));
}

void CheckpointFiles::merge_metadata(Metadata metadata, const std::string& name) {
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

void CheckpointFiles::check_unique() const {
  std::vector<std::string_view> names;
  names.reserve(checkpoint_.tensors.size());
  for (const TensorEntry& tensor : checkpoint_.tensors) names.push_back(tensor.name);
  const auto twice = find_duplicate(names);
  if (!twice) return;
  throw Error(ErrorCode::run, subject() + ": the tensor " + in_quotes(names[twice->first]) + " is in " +
                                  in_quotes(file_name_of(checkpoint_, checkpoint_.tensors[twice->first])) + " and in " +
                                  in_quotes(file_name_of(checkpoint_, checkpoint_.tensors[twice->second])));
}

}  // namespace brainsurgery
