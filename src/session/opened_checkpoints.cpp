#include "session/opened_checkpoints.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/checked_math.h"
#include "formats/adapted_file.h"
#include "publish/recovery.h"
#include "publish/staging.h"
#include "session/recovery_text.h"

namespace brainsurgery {
namespace {

// Each file that holds bytes once, whatever adapts it.
class FileCollector {
 public:
  void add(const std::shared_ptr<const ReadableFile>& file) {
    if (!seen_.insert(file.get()).second) return;
    const auto* adapted = dynamic_cast<const AdaptedFile*>(file.get());
    if (adapted == nullptr) return files_.push_back(file);
    for (const auto& beneath : adapted->beneath()) add(beneath);
  }
  [[nodiscard]] std::vector<std::shared_ptr<const ReadableFile>> take() { return std::move(files_); }

 private:
  std::set<const ReadableFile*> seen_;
  std::vector<std::shared_ptr<const ReadableFile>> files_;
};

}  // namespace

bool same_entry(Env& env, const std::string& a, const std::string& b) {
  const auto one = env.status(a), other = env.status(b);
  return one && other && one->device == other->device && one->inode == other->inode;
}

std::string canonical_path(Env& env, const std::string& path) {
  std::string existing = path;
  std::vector<std::string> behind;  // innermost first
  while (!env.status(existing) && existing != "/" && existing != ".") {
    PathParts parts = split_path(existing);
    behind.push_back(std::move(parts.name));
    existing = std::move(parts.directory);
  }
  std::string canonical = env.real_path(existing);
  for (auto name = behind.rbegin(); name != behind.rend(); ++name) {
    if (*name == "..") {
      canonical = split_path(canonical).directory;
    } else if (!name->empty() && *name != ".") {
      canonical = join_path(canonical, *name);
    }
  }
  return canonical;
}

std::pair<std::shared_ptr<const OpenedCheckpoint>, std::vector<TensorEntry>> OpenedCheckpoints::open(
    const std::string& alias, const std::string& path) {
  OpenedCheckpoint opened{open_finished(path), 0, {}};
  std::vector<TensorEntry> tensors = std::move(opened.checkpoint.tensors);
  opened.tensors = std::ssize(tensors);
  std::int64_t bytes = 0;
  FileCollector files;
  for (const TensorEntry& tensor : tensors) {
    if (tensor.unreadable.empty())
      bytes = try_add(bytes, byte_count(tensor.desc.dtype, tensor.desc.shape)).value_or(INT64_MAX);
    files.add(tensor.file);
  }
  if (const auto& extras = opened.checkpoint.extras) {
    for (const StoredObject& object : extras->objects) files.add(object.file);
  }
  opened.files = files.take();
  for (const std::string& warning : opened.checkpoint.warnings)
    events_.on(events::Warning{{Severity::warning, {}, warning, {}}});
  events_.on(events::InputOpened{alias, path, opened.tensors, bytes});
  all_.push_back(std::make_shared<const OpenedCheckpoint>(std::move(opened)));
  return {all_.back(), std::move(tensors)};
}

// Finishing a publication changes files, and only a directory that the plan itself writes to is changed. Each one that
// is finished is half published no more, so this ends.
Checkpoint OpenedCheckpoints::open_finished(const std::string& path) {
  for (;;) {
    try {
      return open_checkpoint(env_, formats_, path, threads_);
    } catch (const HalfPublished& half) {
      if (!is_written_to(half.directory())) throw;
      warn_of_recovery(events_, recover(env_, half.directory()), half.directory());
    }
  }
}

bool OpenedCheckpoints::is_written_to(const std::string& directory) const {
  return std::ranges::any_of(targets_(), [&](std::string target) {
    while (target.size() > 1 && target.ends_with('/')) target.pop_back();
    const auto status = env_.status(target);
    const bool is_directory = status && status->kind == FileStatus::Kind::directory;
    return same_entry(env_, directory, is_directory ? target : split_path(target).directory);
  });
}

std::vector<std::string> OpenedCheckpoints::owned_files(const std::string& directory) const {
  std::vector<std::string> owned;
  for (const auto& input : all_) {
    const Checkpoint& checkpoint = input->checkpoint;
    const bool whole = checkpoint.is_directory || checkpoint.files.size() > 1;
    if (!whole || !same_entry(env_, checkpoint.root.empty() ? "." : checkpoint.root, directory)) continue;
    std::ranges::copy(checkpoint.files, std::back_inserter(owned));
    if (!checkpoint.index.empty()) owned.push_back(checkpoint.index);
  }
  return owned;
}

}  // namespace brainsurgery
