#include "publish/staged_file.h"

#include <fmt/format.h>

#include <utility>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

void refuse_unless_file(const std::string& target, const std::optional<FileStatus>& status) {
  if (!status || status->kind == FileStatus::Kind::regular) return;
  const bool folder = status->kind == FileStatus::Kind::directory;
  throw Error(ErrorCode::run,
              fmt::format("cannot write '{}': it is {}", target, folder ? "a directory" : "not a regular file"));
}

}  // namespace

StagedFile::StagedFile(Env& env, std::string target, PublishOptions options)
    : env_(env), target_(std::move(target)), options_(options), parts_(split_path(target_)) {
  if (parts_.name.empty() || parts_.name == "." || parts_.name == "..") {
    throw Error(ErrorCode::run, fmt::format("cannot write '{}': it names no file", target_));
  }
  refuse_special_place(target_);
  refuse_housekeeping(target_);
  finish_directory();
  before_ = env_.status(target_, false);
  // A link to a file is replaced; a link to anything else is more likely a mistake.
  refuse_unless_file(target_, env_.status(target_, true));
  if (before_ && !options_.overwrite) {
    throw Error(ErrorCode::run, fmt::format("cannot write '{}': it already exists; overwriting is disabled", target_));
  }
  parents_.emplace(env_, parts_.directory);
  remove_stale_entries();
  staging_.emplace(env_, parts_.directory, parts_.name, kFileSuffix, StagingEntry::Kind::file);
}

// A file that appears in a half published folder would be taken for one of the old or the new checkpoint's.
void StagedFile::finish_directory() {
  try {
    refuse_half_published(env_, parts_.directory);
  } catch (const HalfPublished&) {
    recovery_ = recover(env_, parts_.directory, options_.sync);
  }
}

void StagedFile::remove_stale_entries() {
  attempt([&] {
    for (const std::string& name : env_.list(parts_.directory)) {
      attempt([&] { remove_stale(env_, parts_.directory, name, parts_.name, kFileSuffix); });
    }
  });
}

void StagedFile::refuse_change() const {
  const std::optional<FileStatus> now = env_.status(target_, false);
  const bool same = before_.has_value() == now.has_value() && (!now || now->same_content(*before_));
  if (!same) {
    throw Error(ErrorCode::run, fmt::format("cannot publish '{}': it was {} by another program meanwhile", target_,
                                            !before_ ? "created"
                                            : !now   ? "removed"
                                                     : "changed"));
  }
}

void StagedFile::commit() {
  BS_CHECK(!committed_);
  const bool replaces_file = before_ && before_->kind == FileStatus::Kind::regular;
  if (replaces_file) file().set_mode(before_->mode & 0777);
  if (options_.sync) file().sync();
  file().close();
  refuse_change();
  staging_->move_to(target_);
  staging_->release();
  parents_->keep();
  committed_ = true;
  if (options_.sync) env_.sync_directory(parts_.directory);
}

}  // namespace brainsurgery
