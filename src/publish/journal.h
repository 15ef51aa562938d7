// What a publication into an existing folder is about to do, written down first so that the next run can finish it.
//
// A text file ".brainsurgery-journal", put in place by a rename:
//
//   brainsurgery journal 2
//   mode in-place                  or: exchange
//   folder INODE                   of the folder that it is written into
//   staging INODE NAME             the folder with the new files, inside the target (in-place only)
//   remove IDENTITY NAME           files of the replaced checkpoint, in the order of removal
//   install IDENTITY NAME          new files, in the order of appearance (in-place only)
//   keep IDENTITY NAME             entries of others that the new folder shares (exchange only)
//   end
//
// IDENTITY is inode, size, modification and change time in nanoseconds, and a digest of the content (in-place) or "-".
// Names are percent-escaped. In-place: the journal lies in the target while files are removed and installed; whoever
// finds it there carries on. Exchange: it is written into the old folder before the two are swapped; in the target it
// means that nothing has happened yet, in the swapped-out sibling it tells what may be deleted there.
//
// A journal proves nothing by its words, since anybody can write some: it counts where what it says of the folders and
// files around it is true. recovery.h does what it asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

// An entry of a folder, as it was when the journal was written.
struct JournalEntry {
  std::string name;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::string digest = "-";

  // Renaming and linking move the change time.
  [[nodiscard]] bool is_file(const FileStatus& now) const { return now.inode == inode && is_like(now); }
  [[nodiscard]] bool is_untouched(const FileStatus& now) const { return is_file(now) && now.ctime_ns == ctime_ns; }
  // A copy that keeps the times is.
  [[nodiscard]] bool is_like(const FileStatus& now) const { return now.size == size && now.mtime_ns == mtime_ns; }

  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};
[[nodiscard]] JournalEntry journal_entry(std::string name, const FileStatus& status);

// SHA-256, hexadecimal, of a file that is not large; of others of their beginning, middle and end. "-" for what cannot
// be read.
[[nodiscard]] std::string content_digest(Env& env, const std::string& path);

struct Journal {
  enum class Mode : std::uint8_t { in_place, exchange };
  Mode mode = Mode::in_place;
  std::uint64_t folder = 0;         // inode
  std::uint64_t staging_inode = 0;  // in-place
  std::string staging;              // in-place
  std::vector<JournalEntry> remove;
  std::vector<JournalEntry> install;  // in-place
  std::vector<JournalEntry> keep;     // exchange

  friend bool operator==(const Journal&, const Journal&) = default;
};

inline constexpr std::string_view kJournalName = ".brainsurgery-journal";
[[nodiscard]] std::string journal_path(const std::string& directory);

[[nodiscard]] std::string to_text(const Journal& journal);
// nullopt for anything that to_text does not write, a journal that was cut off among it, and for names that would leave
// the folder.
[[nodiscard]] std::optional<Journal> parse_journal(std::string_view text);

// Written and synced in `staging`, then renamed into `directory`: when it throws, no journal stands there. The caller
// syncs the directory.
void write_journal(Env& env, const Journal& journal, const std::string& staging, const std::string& directory,
                   bool sync);
struct FoundJournal {
  std::optional<Journal> journal;  // nullopt: something of that name that no journal of this version is
};
[[nodiscard]] std::optional<FoundJournal> find_journal(Env& env, const std::string& directory);

// The error of a reader that meets a folder whose publication was interrupted.
class HalfPublished : public Error {
 public:
  explicit HalfPublished(std::string directory);
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

// Throws HalfPublished where a killed run may have left files of two checkpoints side by side. The journal of an
// exchange says nothing of the kind: the folder that it lies in is the old one, or the new one, as a whole.
void refuse_half_published(Env& env, const std::string& directory);

// Is `name` one plain component of a path?
[[nodiscard]] bool is_plain_name(std::string_view name);

}  // namespace brainsurgery
