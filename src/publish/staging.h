// What the publication of files and of folders has in common: names of staging entries, parents, clean-up of what
// a killed run left behind.
//
// A staging entry is hidden, lies where the target's file system is, and is locked (flock) by the run that made it. Its
// name has its own inode, so nothing that was copied, unpacked or made by hand passes for one. One whose lock can be
// taken is stale and goes. On a file system without locks nothing is ever taken for stale.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

// "a/b" -> {"a", "b"}; "b" -> {".", "b"}; "/b" -> {"/", "b"}.
struct PathParts {
  std::string directory, name;
};
[[nodiscard]] PathParts split_path(const std::string& path);
[[nodiscard]] std::string join_path(const std::string& directory, const std::string& name);

// Names that this program keeps for itself, ".brainsurgery-..." and ".NAME.brainsurgery-...": nothing is written there.
[[nodiscard]] bool is_housekeeping(std::string_view name);
// The first such name in a path.
[[nodiscard]] std::optional<std::string> housekeeping_name_in(std::string_view path);
// Throws Error(run) for a path to be written that has one.
void refuse_housekeeping(const std::string& target);
// Is it the name of an entry that is staged, for whatever target?
[[nodiscard]] bool is_any_staging_name(std::string_view entry);

// ".NAME.brainsurgery-" + 16 digits of the entry's inode + suffix, without NAME's point for an empty name.
[[nodiscard]] std::string staging_name(const std::string& target_name, std::string_view suffix, std::uint64_t inode);
// Is `entry` such a name for that target, of whatever inode? Eight digits instead: an entry that was just made.
[[nodiscard]] bool is_staging_name(std::string_view entry, const std::string& target_name, std::string_view suffix);

// Suffixes of what is staged beside its place.
inline constexpr std::string_view kDirectorySuffix = ".dir", kFileSuffix = ".tmp";

// Removes the entry `name` of a folder if it is a staging entry for that target whose run is gone. Whether it was one.
bool remove_stale(Env& env, const std::string& directory, const std::string& name, const std::string& target_name,
                  std::string_view suffix);

// Runs an action whose failure changes nothing but tidiness: clean-up, and ways that have another way behind them.
// False when it threw an Error of ErrorCode::run.
bool attempt(const std::function<void()>& action);

// Throws Error(run) for places whose entries are no files of their own: /dev (but /dev/shm), /proc, /sys.
void refuse_special_place(const std::string& target);

// Removes the files of a folder and the folder. Subfolders are not entered: they make it fail, and so does a link in
// place of the folder, which would lead elsewhere.
void remove_flat_directory(Env& env, const std::string& directory);

// Makes the missing parents of a target; unless kept, takes back those that it made, as far as they are empty.
class Parents {
 public:
  Parents(Env& env, const std::string& directory);
  ~Parents();
  Parents(const Parents&) = delete;
  Parents& operator=(const Parents&) = delete;

  void keep() { made_.clear(); }

 private:
  Env& env_;
  std::vector<std::string> made_;  // innermost first
};

// A new file or folder under a staging name in `directory`, locked by us; removed again unless released.
class StagingEntry {
 public:
  enum class Kind { file, directory };
  StagingEntry(Env& env, const std::string& directory, const std::string& target_name, std::string_view suffix,
               Kind kind);
  ~StagingEntry();
  StagingEntry(const StagingEntry&) = delete;
  StagingEntry& operator=(const StagingEntry&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool locked() const { return lock_ != nullptr; }  // false where the file system has no locks
  [[nodiscard]] WritableFile& file() { return *file_; }           // Kind::file
  void move_to(const std::string& path);
  // From now on it is not ours to remove. The lock stays until destruction.
  void release() { released_ = true; }

 private:
  [[nodiscard]] bool make(const std::string& directory, const std::string& target_name, std::string_view suffix);

  Env& env_;
  Kind kind_;
  std::string path_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<WritableFile> file_;
  bool released_ = false;
};

// Locks a folder that is published into; waits a moment, for a run that only starts there. nullptr where the file
// system has no locks. Throws Error(run) while another program publishes there. `shown`: the folder's path in messages.
[[nodiscard]] std::unique_ptr<FileLock> lock_directory(Env& env, const std::string& directory,
                                                       const std::string& shown);

// Throws Error(run) if the file system of `directory` (or of its nearest existing parent) has less than `bytes` free.
void check_free_space(Env& env, const std::string& directory, std::int64_t bytes);

}  // namespace brainsurgery
