// What a publication into an existing folder is about to do, written down first so that the next run can finish it.
//
// A text file ".brainsurgery-journal", put in place by a rename:
//
//   brainsurgery journal 1
//   mode in-place                  or: exchange
//   staging .brainsurgery-1a2b3c4d the folder with the new files, inside the target (in-place only)
//   remove NAME                    files of the replaced checkpoint, in the order of removal
//   install NAME                   new files, in the order of appearance
//   end
//
// Names are percent-escaped. In-place: it lies in the target while files are removed and installed; whoever finds it
// there carries on. Exchange: it is written into the old folder before the two are swapped; in the target it means
// that nothing has happened yet, in the swapped-out sibling it tells what there may be deleted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

struct Journal {
  enum class Mode { in_place, exchange };
  Mode mode = Mode::in_place;
  std::string staging;
  std::vector<std::string> remove;
  std::vector<std::string> install;

  friend bool operator==(const Journal&, const Journal&) = default;
};

inline constexpr std::string_view kJournalName = ".brainsurgery-journal";

[[nodiscard]] std::string to_text(const Journal& journal);
// nullopt for anything that to_text does not write, a journal that was cut off among it, and for names that would leave
// the folder.
[[nodiscard]] std::optional<Journal> parse_journal(std::string_view text);

// Written and synced in `staging`, then renamed into `directory`: when it throws, no journal stands there. The caller
// syncs the directory.
void write_journal(Env& env, const Journal& journal, const std::string& staging, const std::string& directory,
                   bool sync);
struct FoundJournal {
  std::optional<Journal> journal;  // nullopt: there is a file of that name which is none
};
[[nodiscard]] std::optional<FoundJournal> find_journal(Env& env, const std::string& directory);

// Carries an in-place journal of `target` out, from wherever it stopped, and removes it. Throws Error(run).
void finish_in_place(Env& env, const std::string& target, const Journal& journal, bool sync);

// Deletes the folder that was swapped out of `target`: the names in its journal, and foreign entries which the target
// has too; those that it lacks, or has older, move there. Throws Error(run).
void finish_exchange(Env& env, const std::string& old_directory, const std::string& target, const Journal& journal);

// Is `name` one plain component of a path?
[[nodiscard]] bool is_plain_name(std::string_view name);

}  // namespace brainsurgery
