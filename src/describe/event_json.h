// What the core reports, as JSON objects for programs: {"event": "published", ...}.
#pragma once

#include <nlohmann/json.hpp>

#include "brainsurgery/events.h"

namespace brainsurgery {

[[nodiscard]] nlohmann::ordered_json json_of(const Event& event);
// {"event": "error", "message": ..., "file": ..., "line": ..., "column": ..., "notes": [...]}
[[nodiscard]] nlohmann::ordered_json json_of(const Diagnostic& diagnostic);

}  // namespace brainsurgery
