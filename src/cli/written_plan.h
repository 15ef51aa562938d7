// Plans that commands write from their arguments.
#pragma once

#include <string>

#include "brainsurgery/config.h"
#include "brainsurgery/session.h"

namespace brainsurgery {

// A double-quoted YAML scalar without expressions. Text that is not UTF-8 stays as it is, for the reader of plans to
// refuse.
[[nodiscard]] std::string yaml_quoted(const std::string& value);

// Runs the plan. Errors have no place in a text that nobody wrote.
[[nodiscard]] Outcome<RunReport> run_written_plan(const PlanSource& plan, Session& session);

}  // namespace brainsurgery
