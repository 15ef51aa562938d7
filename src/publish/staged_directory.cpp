#include "publish/staged_directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

bool is_index(std::string_view name) { return name.ends_with(".json") || name == ".metadata"; }

[[noreturn]] void fail_changed(const std::string& path, std::string_view how) {
  throw Error(ErrorCode::run, fmt::format("cannot publish '{}': it was {} by another program meanwhile", path, how));
}

FileStatus status_of(Env& env, const std::string& path) {
  const auto status = env.status(path, false);
  if (!status) fail_changed(path, "removed");
  return *status;
}

std::vector<std::string> names_of(const std::vector<JournalEntry>& entries) {
  std::vector<std::string> names;
  for (const JournalEntry& entry : entries) names.push_back(entry.name);
  return names;
}

}  // namespace

StagedDirectory::StagedDirectory(Env& env, std::string target, std::function<bool(std::string_view name)> belongs,
                                 PublishOptions options)
    : env_(env), shown_(std::move(target)), belongs_(std::move(belongs)), options_(options) {
  locate();
  if (!exists_) {
    parents_.emplace(env_, parts_.directory);
    attempt([&] { remove_stale_beside(env_, target_, false, recovery_); });
    staging_.emplace(env_, parts_.directory, parts_.name, kDirectorySuffix, StagingEntry::Kind::directory);
    return;
  }
  {
    const std::unique_ptr<FileLock> lock = lock_directory(env_, target_, shown_);
    recovery_ = finish_earlier_runs(env_, target_, shown_, options_.sync);
  }
  // Inside the target: the same file system, and no need to write beside it.
  staging_.emplace(env_, target_, "", "", StagingEntry::Kind::directory);
  for (const std::string& name : env_.list(target_)) {
    if (is_housekeeping(name)) continue;
    if (!options_.overwrite && belongs_(name)) {
      throw Error(ErrorCode::run,
                  fmt::format("cannot write '{}': '{}' already exists there; overwriting is disabled", shown_, name));
    }
    if (const auto status = env_.status(join_path(target_, name), false)) before_.emplace(name, *status);
  }
}

StagedDirectory::~StagedDirectory() {
  if (announced_) attempt([&] { env_.remove(journal_path(target_)); });
  files_.clear();
}

void StagedDirectory::locate() {
  std::string path = shown_;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) throw Error(ErrorCode::run, "cannot write '': it names no directory");
  refuse_special_place(path + "/");
  refuse_housekeeping(path);
  const auto status = env_.status(path);
  if (status && status->kind != FileStatus::Kind::directory) {
    throw Error(ErrorCode::run, fmt::format("cannot write into '{}': it is not a directory", shown_));
  }
  if (!status && env_.status(path, false)) {
    throw Error(ErrorCode::run, fmt::format("cannot write into '{}': it is a link that points to nothing", shown_));
  }
  exists_ = status.has_value();
  target_ = exists_ ? env_.real_path(path) : path;
  parts_ = split_path(target_);
  refuse_housekeeping(parts_.name);
}

WritableFile& StagedDirectory::create(const std::string& name) {
  BS_CHECK(!committed_);
  if (!is_plain_name(name) || is_housekeeping(name)) {
    throw Error(ErrorCode::run, fmt::format("cannot write '{}' into '{}': it is not a plain file name", name, shown_));
  }
  if (!options_.overwrite && before_.contains(name)) {
    throw Error(ErrorCode::run,
                fmt::format("cannot write '{}': it already exists; overwriting is disabled", join_path(shown_, name)));
  }
  files_.emplace_back(name, env_.create(join_path(staging_->path(), name)));
  new_names_.insert(name);
  return *files_.back().second;
}

PublishReport StagedDirectory::commit() {
  BS_CHECK(!committed_);
  close_files();
  PublishReport report;
  report.replaced = exists_;
  if (!exists_) {
    publish_new();
    staging_.reset();  // with its lock
    return report;
  }
  const std::unique_ptr<FileLock> lock = lock_directory(env_, target_, shown_);
  Entries entries = examine_target();
  report.atomic = may_exchange(entries) && publish_by_exchange(entries, report);
  if (!report.atomic) {
    entries = examine_target();  // a change by another program may be why the exchange failed
    publish_in_place(entries);
  }
  for (std::string& name : names_of(entries.replaced)) {
    if (!new_names_.contains(name)) report.removed.push_back(std::move(name));
  }
  report.kept = names_of(entries.foreign);
  staging_.reset();  // with its lock, which after an exchange is on the target
  return report;
}

void StagedDirectory::close_files() {
  for (const auto& [name, file] : files_) {
    if (options_.sync) file->sync();
    file->close();
  }
  if (options_.sync) env_.sync_directory(staging_->path());
}

void StagedDirectory::publish_new() {
  if (env_.status(target_, false)) fail_changed(shown_, "created");
  staging_->move_to(target_);
  staging_->release();
  parents_->keep();
  committed_ = true;
  if (options_.sync) env_.sync_directory(parts_.directory);
}

bool StagedDirectory::is_replaced(const std::string& name) const { return belongs_(name) || new_names_.contains(name); }

void StagedDirectory::refuse_change(const std::string& name, const std::optional<FileStatus>& now) const {
  const auto before = before_.find(name);
  if (before == before_.end()) fail_changed(join_path(shown_, name), "created");
  if (!now) fail_changed(join_path(shown_, name), "removed");
  if (now->kind == FileStatus::Kind::directory) {
    throw Error(ErrorCode::run, fmt::format("cannot replace '{}': it is a directory", join_path(shown_, name)));
  }
  if (!now->same_content(before->second)) fail_changed(join_path(shown_, name), "changed");
}

StagedDirectory::Entries StagedDirectory::examine_target() const {
  Entries entries;
  const std::string own = split_path(staging_->path()).name;
  const std::vector<std::string> names = env_.list(target_);
  for (const std::string& name : names) {
    if (name == own || name == kJournalName) continue;
    const auto status = env_.status(join_path(target_, name), false);
    if (is_replaced(name)) {
      refuse_change(name, status);
      entries.replaced.push_back(journal_entry(name, *status));
    } else if (status) {
      entries.foreign.push_back(journal_entry(name, *status));
      const bool file = status->kind == FileStatus::Kind::regular || status->kind == FileStatus::Kind::link;
      entries.linkable = entries.linkable && file;
    }
  }
  for (const auto& [name, status] : before_) {
    if (is_replaced(name) && !std::binary_search(names.begin(), names.end(), name)) refuse_change(name, std::nullopt);
  }
  // Without its index an old checkpoint is nothing to a reader: it goes first.
  std::stable_partition(entries.replaced.begin(), entries.replaced.end(),
                        [](const JournalEntry& entry) { return is_index(entry.name); });
  return entries;
}

bool StagedDirectory::may_exchange(const Entries& entries) const {
  if (!entries.linkable || parts_.name.empty()) return false;
  bool possible = false;
  attempt([&] {
    const auto target = env_.status(target_), parent = env_.status(parts_.directory);
    const bool mounted = !target || !parent || target->device != parent->device;
    const std::string here = env_.real_path(".");
    const bool inside = here == target_ || here.starts_with(target_ + "/");
    possible = !mounted && !inside;
  });
  return possible;
}

bool StagedDirectory::publish_by_exchange(const Entries& entries, PublishReport& report) {
  const std::string inside = staging_->path();
  const std::uint64_t staging_inode = status_of(env_, staging_->path()).inode;
  const std::string sibling = join_path(parts_.directory, staging_name(parts_.name, kDirectorySuffix, staging_inode));
  bool exchanged = false;
  attempt([&] { exchanged = prepare_exchange(entries, sibling) && env_.exchange(sibling, target_); });
  if (!exchanged) {
    undo_exchange(entries, inside);
    return false;
  }
  staging_->release();
  committed_ = true;
  announced_ = false;
  if (options_.sync) env_.sync_directory(parts_.directory);
  // Published; what cannot be cleared now, the next run clears.
  attempt([&] {
    if (const auto found = find_journal(env_, sibling); found && found->journal) {
      if (!finish_exchange(env_, sibling, target_, *found->journal)) report.swapped_out = sibling;
    }
  });
  return true;
}

// Makes the staged folder what the target is to become, as a sibling.
bool StagedDirectory::prepare_exchange(const Entries& entries, const std::string& sibling) {
  staging_->move_to(sibling);
  for (const JournalEntry& entry : entries.foreign)
    env_.hard_link(join_path(target_, entry.name), join_path(sibling, entry.name));
  env_.copy_attributes(target_, sibling);
  Journal journal;
  journal.mode = Journal::Mode::exchange;
  journal.folder = status_of(env_, target_).inode;
  journal.remove = entries.replaced;
  journal.keep = entries.foreign;
  announced_ = true;
  write_journal(env_, journal, sibling, target_, options_.sync);
  if (options_.sync) env_.sync_directory(target_);
  // Somebody may have written while we linked; what comes later still is moved after the exchange.
  const Entries now = examine_target();
  if (names_of(now.foreign) != names_of(entries.foreign) || now.replaced != entries.replaced) return false;
  if (options_.sync) env_.sync_directory(sibling);
  return true;
}

void StagedDirectory::undo_exchange(const Entries& entries, const std::string& inside) {
  if (announced_ && env_.status(journal_path(target_), false)) env_.remove(journal_path(target_));
  announced_ = false;
  if (staging_->path() == inside) return;
  for (const JournalEntry& entry : entries.foreign) {
    const std::string link = join_path(staging_->path(), entry.name);
    if (env_.status(link, false)) env_.remove(link);
  }
  staging_->move_to(inside);
}

void StagedDirectory::publish_in_place(const Entries& entries) {
  Journal journal;
  journal.folder = status_of(env_, target_).inode;
  journal.staging = split_path(staging_->path()).name;
  journal.staging_inode = status_of(env_, staging_->path()).inode;
  const auto add = [&](std::vector<JournalEntry>& to, JournalEntry entry, const std::string& path) {
    entry.digest = content_digest(env_, path);
    to.push_back(std::move(entry));
  };
  for (const JournalEntry& entry : entries.replaced) add(journal.remove, entry, join_path(target_, entry.name));
  for (const auto& [name, file] : files_) {
    const std::string path = join_path(staging_->path(), name);
    add(journal.install, journal_entry(name, status_of(env_, path)), path);
  }
  announced_ = true;
  write_journal(env_, journal, staging_->path(), target_, options_.sync);
  if (options_.sync) env_.sync_directory(target_);
  // Somebody may have written while we digested and waited for the disk. Nothing has moved: the journal can go again.
  static_cast<void>(examine_target());
  // From here on the way leads forward only, in this run or in the next.
  announced_ = false;
  staging_->release();
  committed_ = true;
  try {
    finish_in_place(env_, target_, shown_, journal, options_.sync);
  } catch (const Error& error) {
    throw error.with_note(
        fmt::format("the publication into '{0}' is unfinished; brainsurgery repair '{0}' finishes it", shown_));
  }
}

}  // namespace brainsurgery
