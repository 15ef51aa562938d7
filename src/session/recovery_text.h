// What became of a publication that a killed run had left.
#pragma once

#include <string>

#include "brainsurgery/events.h"
#include "publish/recovery.h"

namespace brainsurgery {

// A sentence; empty where there was nothing to do.
[[nodiscard]] std::string recovery_text(const Recovery& recovery, const std::string& directory);

// What is going to become of it.
[[nodiscard]] std::string foreseen_text(Recovery::Outcome outcome, const std::string& directory);

// The same as recovery_text, as a warning. `path`: what was to be read or written when the recovery was made.
void warn_of_recovery(EventSink& events, const Recovery& recovery, const std::string& path);

}  // namespace brainsurgery
