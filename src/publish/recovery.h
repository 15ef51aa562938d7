// Finishes what a killed publication left, or takes it back.
//
// Forward where all new files are at hand: the rest of the old ones is removed, the rest of the new ones installed.
// Back where new files are lost and nothing has happened yet. Everything that would be removed, replaced or moved is
// compared with its identity in the journal first. Where reality differs, somebody else has worked there since:
// Error(run) names the file, and nothing is touched. Only what a journal or a name with its own inode proves to be ours
// is removed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "publish/journal.h"

namespace brainsurgery {

struct Recovery {
  enum class Outcome : std::uint8_t { nothing, finished, rolled_back };
  Outcome outcome = Outcome::nothing;
  std::vector<std::string> installed, removed;  // names, by this recovery
  std::vector<std::string> cleared;             // paths of staging entries that were left in the target or beside it
  std::vector<std::string> kept = {};           // paths of old folders beside it in which others changed files
};

// In `target`, a folder or a link to one, and beside it. A missing target is fine. Throws Error(run) while another
// program publishes there.
Recovery recover(Env& env, const std::string& target, bool sync = true);

// The same for a folder whose links are resolved and which the caller has locked. `shown`: its path in messages.
Recovery finish_earlier_runs(Env& env, const std::string& target, const std::string& shown, bool sync);
// Clears entries beside `target`, a path without a slash at its end, whose run is gone. Adds to `recovery`.
void remove_stale_beside(Env& env, const std::string& target, bool target_exists, Recovery& recovery);

// What recover() would do to the journal in the folder `target`. Changes nothing. Throws as recover().
[[nodiscard]] Recovery::Outcome foreseen_recovery(Env& env, const std::string& target);

// Carries an in-place journal of `target` out, from wherever it stopped, and removes it.
Recovery finish_in_place(Env& env, const std::string& target, const std::string& shown, const Journal& journal,
                         bool sync);

// Deletes the folder that was swapped out of `target`: what its journal names and nobody has changed. Entries that
// appeared in it before it was swapped out move to the target, unless that has others of their names: then the folder
// stays, and the answer is false.
bool finish_exchange(Env& env, const std::string& old_directory, const std::string& target, const Journal& journal);

}  // namespace brainsurgery
