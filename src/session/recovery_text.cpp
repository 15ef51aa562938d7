#include "session/recovery_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace brainsurgery {

std::string recovery_text(const Recovery& recovery, const std::string& directory) {
  switch (recovery.outcome) {
    case Recovery::Outcome::finished:
      return fmt::format("finished the interrupted publication into '{}': {} installed, {} removed", directory,
                         counted(std::ssize(recovery.installed), "file"),
                         counted(std::ssize(recovery.removed), "file"));
    case Recovery::Outcome::rolled_back:
      return fmt::format("took the interrupted publication into '{}' back: the old files are there, unchanged",
                         directory);
    case Recovery::Outcome::nothing:
      break;
  }
  if (recovery.cleared.empty()) return "";
  return fmt::format("removed what an interrupted publication into '{}' left: {}", directory,
                     fmt::join(recovery.cleared, ", "));
}

void warn_of_recovery(EventSink& events, const Recovery& recovery, const std::string& path) {
  if (recovery.outcome == Recovery::Outcome::nothing) return;
  events.on(events::Warning{{Severity::warning, {}, recovery_text(recovery, path), {}}});
}

}  // namespace brainsurgery
