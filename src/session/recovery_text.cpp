#include "session/recovery_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace brainsurgery {

namespace {

std::string done_text(const Recovery& recovery, const std::string& directory) {
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

std::string kept_text(const Recovery& recovery, const std::string& directory) {
  if (recovery.kept.empty()) return "";
  return fmt::format("another program changed files in '{}' while it was replaced; they are kept in {}", directory,
                     fmt::join(recovery.kept, ", "));
}

}  // namespace

std::string recovery_text(const Recovery& recovery, const std::string& directory) {
  const std::string done = done_text(recovery, directory), kept = kept_text(recovery, directory);
  return done + (done.empty() || kept.empty() ? "" : "; ") + kept;
}

std::string foreseen_text(Recovery::Outcome outcome, const std::string& directory) {
  return outcome == Recovery::Outcome::finished
             ? fmt::format("run will first finish the interrupted publication into '{}'", directory)
             : fmt::format("run will first take the interrupted publication into '{}' back: its old files are there",
                           directory);
}

void warn_of_recovery(EventSink& events, const Recovery& recovery, const std::string& path) {
  if (recovery.outcome == Recovery::Outcome::nothing && recovery.kept.empty()) return;
  events.on(events::Warning{{Severity::warning, {}, recovery_text(recovery, path), {}}});
}

}  // namespace brainsurgery
