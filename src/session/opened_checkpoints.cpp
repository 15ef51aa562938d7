#include "session/opened_checkpoints.h"

#include <fmt/format.h>

#include <filesystem>

#include "publish/journal.h"
#include "publish/staged_directory.h"

namespace brainsurgery {

namespace {

// The journal of an exchange says nothing of the folder that it lies in: that is the old one, or the new one, as a
// whole.
bool is_half_published(Env& env, const std::string& directory) {
  const auto found = find_journal(env, directory);
  return found && found->journal && found->journal->mode == Journal::Mode::in_place;
}

}  // namespace

void refuse_half_published(Env& env, const std::string& directory) {
  if (!is_half_published(env, directory)) return;
  throw Error(ErrorCode::run,
              fmt::format("a publication into '{}' was interrupted and has to be finished first", directory), {},
              {"run the plan that writes to it once more; reading a folder changes nothing in it"});
}

std::string canonical_path(const std::string& path) {
  std::error_code failed;
  // Absolute first: of a relative path whose beginning does not exist the standard resolves nothing.
  std::filesystem::path canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path), failed);
  if (!canonical.has_filename()) canonical = canonical.parent_path();  // "folder/"
  return failed ? path : canonical.string();
}

std::pair<std::shared_ptr<const OpenedCheckpoint>, std::vector<TensorEntry>> OpenedCheckpoints::open(
    const std::string& alias, const std::string& path) {
  finish_publication(path);
  OpenedCheckpoint opened{open_checkpoint(env_, formats_, path, threads_), 0, {}};
  std::vector<TensorEntry> tensors = std::move(opened.checkpoint.tensors);
  opened.tensors = std::ssize(tensors);
  std::int64_t bytes = 0;
  for (const TensorEntry& tensor : tensors) {
    bytes += byte_count(tensor.desc.dtype, tensor.desc.shape);
    if (opened.files.empty() || opened.files.back() != tensor.file) opened.files.push_back(tensor.file);
  }
  if (const auto& extras = opened.checkpoint.extras) {
    for (const StoredObject& object : extras->objects) {
      if (opened.files.empty() || opened.files.back() != object.file) opened.files.push_back(object.file);
    }
  }
  for (const std::string& warning : opened.checkpoint.warnings)
    events_.on(events::Warning{{Severity::warning, {}, warning, {}}});
  events_.on(events::InputOpened{alias, path, opened.tensors, bytes});
  all_.push_back(std::make_shared<const OpenedCheckpoint>(std::move(opened)));
  return {all_.back(), std::move(tensors)};
}

// A killed run may have left an input half published. Finishing it changes files, and a stranger's folder may hold a
// journal of the stranger's: only a folder that the plan itself writes to is touched.
void OpenedCheckpoints::finish_publication(const std::string& directory) {
  std::error_code different;
  if (!plan_.output || !std::filesystem::equivalent(directory, plan_.output->path, different))
    return refuse_half_published(env_, directory);
  if (!is_half_published(env_, directory)) return;
  if (!may_recover_) {
    events_.on(events::Warning{
        {Severity::warning,
         {},
         fmt::format("a publication into '{}' was interrupted; a run will finish or undo it first", directory),
         {}}});
  } else if (!recover(env_, directory)) {
    throw Error(ErrorCode::run, fmt::format("another program is publishing into '{}' right now", directory), {},
                {"run again when it is done"});
  }
}

}  // namespace brainsurgery
