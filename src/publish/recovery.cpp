#include "publish/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "brainsurgery/error.h"
#include "publish/staging.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kNoDigest = "-";

using EntriesByName = std::unordered_map<std::string_view, const JournalEntry*>;

EntriesByName by_name(const std::vector<JournalEntry>& entries) {
  EntriesByName result;
  for (const JournalEntry& entry : entries) result.emplace(entry.name, &entry);
  return result;
}

const JournalEntry* find(const EntriesByName& entries, const std::string& name) {
  const auto found = entries.find(name);
  return found == entries.end() ? nullptr : found->second;
}

// What is left to do of an in-place journal.
class InPlace {
 public:
  InPlace(Env& env, const std::string& target, const std::string& shown, const Journal& journal, bool sync)
      : env_(env),
        target_(target),
        shown_(shown),
        journal_(journal),
        sync_(sync),
        staging_(join_path(target, journal.staging)),
        removes_(by_name(journal.remove)) {}

  // Changes nothing.
  Recovery::Outcome foresee() {
    examine();
    if (!missing_.empty() && begun_) refuse(missing_, "is missing");
    return missing_.empty() ? Recovery::Outcome::finished : Recovery::Outcome::rolled_back;
  }

  Recovery finish() {
    Recovery recovery{foresee(), {}, {}, {}};
    if (recovery.outcome == Recovery::Outcome::finished) {
      recovery.installed = install_;
      recovery.removed = remove_;
      carry_out();
    }
    // The staging folder goes after the journal: without one it is nothing but stale.
    env_.remove(journal_path(target_));
    if (staged_) clear_staging();
    sync();
    return recovery;
  }

 private:
  [[noreturn]] void refuse(const std::string& path, std::string_view how) const {
    const std::string journal = join_path(shown_, std::string(kJournalName));
    throw Error(
        ErrorCode::run,
        fmt::format("cannot finish the interrupted publication into '{}': '{}' {}; nothing was touched", shown_, path,
                    how),
        {},
        {fmt::format("put things right and run brainsurgery repair '{}', or delete '{}' to keep the directory as "
                     "it is",
                     shown_, journal)});
  }

  // Is it the entry that the journal means? In the folder that it was written for the inode says that, unless only the
  // change time has moved; in a copy of that folder nothing but the content can.
  [[nodiscard]] bool is_entry(const JournalEntry& entry, const std::string& path, const FileStatus& now) const {
    if (entry.is_untouched(now)) return true;
    const bool alike = copied_ ? entry.is_like(now) : entry.is_file(now);
    return alike && entry.digest != kNoDigest && entry.digest == content_digest(env_, path);
  }
  // The same for what may have been renamed by us.
  [[nodiscard]] bool is_new_file(const JournalEntry& entry, const std::string& path, const FileStatus& now) const {
    return entry.is_file(now) || is_entry(entry, path, now);
  }

  void examine() {
    const auto folder = env_.status(target_), staging = env_.status(staging_, false);
    staged_ = staging.has_value();
    if (staging && staging->kind != FileStatus::Kind::directory)
      refuse(join_path(shown_, journal_.staging), "is not the directory with the new files");
    copied_ = !folder || folder->inode != journal_.folder || (staging && staging->inode != journal_.staging_inode) ||
              (staged_ && holds_copies());
    for (const JournalEntry& entry : journal_.install) examine_install(entry);
    for (const JournalEntry& entry : journal_.remove) examine_remove(entry);
  }

  // Inodes are used again: those of the folders alone could be the same by chance.
  [[nodiscard]] bool holds_copies() {
    return std::ranges::any_of(journal_.install, [&](const JournalEntry& entry) {
      const auto staged = env_.status(join_path(staging_, entry.name), false);
      return staged && staged->inode != entry.inode;
    });
  }

  void examine_install(const JournalEntry& entry) {
    const std::string path = join_path(target_, entry.name), staged_path = join_path(staging_, entry.name);
    const auto now = env_.status(path, false);
    const auto staged = staged_ ? env_.status(staged_path, false) : std::nullopt;
    const bool replaces = removes_.contains(entry.name);  // then examine_remove() looks at what stands there
    if (staged && !is_new_file(entry, staged_path, *staged))
      refuse(join_path(join_path(shown_, journal_.staging), entry.name), "was changed since");
    if (staged) {
      if (now && !replaces) refuse(join_path(shown_, entry.name), "was put there since");
      install_.push_back(entry.name);
    } else if (now && is_new_file(entry, path, *now)) {
      begun_ = true;
      installed_.insert(entry.name);
    } else {
      if (now && !replaces) refuse(join_path(shown_, entry.name), "was changed or put there since");
      missing_ = join_path(join_path(shown_, journal_.staging), entry.name);
    }
  }

  void examine_remove(const JournalEntry& entry) {
    const std::string path = join_path(target_, entry.name);
    const auto now = env_.status(path, false);
    if (installed_.contains(entry.name)) return;
    if (!now) {
      begun_ = true;
    } else if (is_entry(entry, path, *now)) {
      remove_.push_back(entry.name);
    } else {
      refuse(join_path(shown_, entry.name), "was changed or put there since");
    }
  }

  // In a copy the name of the staging folder proves nothing: what is not in the journal stays.
  void clear_staging() {
    if (!copied_) return remove_flat_directory(env_, staging_);
    for (const std::string& name : install_) {
      const std::string path = join_path(staging_, name);
      if (env_.status(path, false)) env_.remove(path);
    }
    attempt([&] { env_.remove(staging_); });
  }

  void carry_out() {
    for (const std::string& name : remove_) env_.remove(join_path(target_, name));
    // The removals must be on the disk before the first new file is: old index and new shards never meet.
    sync();
    for (const std::string& name : install_) env_.rename(join_path(staging_, name), join_path(target_, name));
    sync();
  }

  void sync() {
    if (sync_) env_.sync_directory(target_);
  }

  Env& env_;
  const std::string &target_, &shown_;
  const Journal& journal_;
  bool sync_;
  std::string staging_;
  EntriesByName removes_;
  bool staged_ = false;  // the staging folder is there
  bool copied_ = false;  // this is a copy of the folder that the journal was written for
  bool begun_ = false;   // something was removed or installed
  std::unordered_set<std::string> installed_;
  std::string missing_;                        // a new file that is nowhere
  std::vector<std::string> remove_, install_;  // what is left to do
};

// Entries inside an existing target whose run is gone.
std::vector<std::string> remove_stale_inside(Env& env, const std::string& target) {
  std::vector<std::string> cleared;
  for (const std::string& name : env.list(target)) {
    attempt([&] {
      if (remove_stale(env, target, name, "", "")) cleared.push_back(join_path(target, name));
    });
  }
  return cleared;
}

// nullopt: there is none.
std::optional<Journal> read_journal(Env& env, const std::string& target, const std::string& shown) {
  auto found = find_journal(env, target);
  if (!found) return std::nullopt;
  const std::string path = join_path(shown, std::string(kJournalName));
  if (!found->journal) {
    throw Error(
        ErrorCode::run,
        fmt::format("cannot publish into '{}': '{}' is damaged, or of another version of brainsurgery", shown, path),
        {}, {"finish the publication with that version, or delete the file to keep the directory as it is"});
  }
  return std::move(found->journal);
}

// The journal of an exchange that did not come about is all that it leaves in the target.
Recovery finish_journal(Env& env, const std::string& target, const std::string& shown, bool sync) {
  const std::optional<Journal> journal = read_journal(env, target, shown);
  if (!journal) return {};
  if (journal->mode == Journal::Mode::in_place) return finish_in_place(env, target, shown, *journal, sync);
  env.remove(journal_path(target));
  return {Recovery::Outcome::rolled_back, {}, {}, {}};
}

// Was the folder swapped out of its place by one of our runs?
std::optional<Journal> journal_of_swapped(Env& env, const std::string& directory) {
  const auto status = env.status(directory, false);
  if (!status || status->kind != FileStatus::Kind::directory) return std::nullopt;
  auto found = find_journal(env, directory);
  const bool ours = found && found->journal && found->journal->mode == Journal::Mode::exchange &&
                    found->journal->folder == status->inode;
  return ours ? std::move(found->journal) : std::nullopt;
}

}  // namespace

Recovery finish_in_place(Env& env, const std::string& target, const std::string& shown, const Journal& journal,
                         bool sync) {
  return InPlace(env, target, shown, journal, sync).finish();
}

bool finish_exchange(Env& env, const std::string& old_directory, const std::string& target, const Journal& journal) {
  const EntriesByName removes = by_name(journal.remove), keeps = by_name(journal.keep);
  bool emptied = true;
  for (const std::string& name : env.list(old_directory)) {
    if (name == kJournalName) continue;
    const std::string path = join_path(old_directory, name), twin_path = join_path(target, name);
    const auto now = env.status(path, false), twin = env.status(twin_path, false);
    if (!now) continue;
    const JournalEntry *removed = find(removes, name), *kept = find(keeps, name);
    // A kept entry is a second link of what the target has, or had until its owner removed it.
    if (removed != nullptr ? removed->is_file(*now) : kept != nullptr && kept->inode == now->inode) {
      env.remove(path);
    } else if (removed == nullptr && (kept != nullptr ? twin && kept->is_file(*twin) : !twin)) {
      env.rename(path, twin_path);  // written by somebody between our linking and the exchange
    } else {
      emptied = false;
    }
  }
  if (!emptied) return false;
  // Last: until here a killed clean-up can be taken up again.
  env.remove(journal_path(old_directory));
  env.remove(old_directory);
  return true;
}

void remove_stale_beside(Env& env, const std::string& target, bool target_exists, Recovery& recovery) {
  const PathParts parts = split_path(target);
  for (const std::string& name : env.list(parts.directory)) {
    if (!is_staging_name(name, parts.name, kDirectorySuffix)) continue;
    const std::string path = join_path(parts.directory, name);
    attempt([&] {
      bool gone = false;
      if (const std::optional<Journal> journal = journal_of_swapped(env, path); !journal) {
        gone = remove_stale(env, parts.directory, name, parts.name, kDirectorySuffix);
      } else if (const auto lock = target_exists ? env.try_lock(path) : nullptr; lock != nullptr) {
        gone = finish_exchange(env, path, target, *journal);
        if (!gone) recovery.kept.push_back(path);
      }
      if (gone) recovery.cleared.push_back(path);
    });
  }
}

Recovery finish_earlier_runs(Env& env, const std::string& target, const std::string& shown, bool sync) {
  Recovery recovery = finish_journal(env, target, shown, sync);
  attempt([&] { recovery.cleared = remove_stale_inside(env, target); });
  attempt([&] { remove_stale_beside(env, target, true, recovery); });
  return recovery;
}

Recovery::Outcome foreseen_recovery(Env& env, const std::string& target) {
  const std::string path = env.real_path(target);
  const std::optional<Journal> journal = read_journal(env, path, target);
  if (!journal) return Recovery::Outcome::nothing;
  if (journal->mode == Journal::Mode::exchange) return Recovery::Outcome::rolled_back;
  return InPlace(env, path, target, *journal, false).foresee();
}

Recovery recover(Env& env, const std::string& target, bool sync) {
  const auto status = env.status(target);
  if (!status || status->kind != FileStatus::Kind::directory) return {};
  const std::string path = env.real_path(target);
  const std::unique_ptr<FileLock> lock = lock_directory(env, path, target);
  return finish_earlier_runs(env, path, target, sync);
}

}  // namespace brainsurgery
