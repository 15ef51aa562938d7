// What is typed at a prompt: steps as YAML or as OLY.
//
//   parse_submission(text)       // "copy: from: a, to: b"; "- copy: {from: a, to: b}\n- exit\n"; "help: copy"
//   step_of_line("dump:")        // a line that is a step already
//
// Pure; may be called from several threads.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "brainsurgery/config.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// The steps of a text: OLY if it is one line and reads as that; else YAML, a mapping, a bare name or a list of them; else
// OLY, a step a line. Interpolations have their values; names that they do not know stay for those who know more. Blank text and comments alone are no steps. Throws Error(plan) with the
// mistakes in both readings.
[[nodiscard]] std::vector<PlanStep> parse_submission(const std::shared_ptr<const SourceText>& text,
                                                     const VariableLookup& environment);

// The step that the line is as OLY; its payload is null where nothing follows the name or its colon. nullopt: no OLY,
// which may be the first line of YAML.
[[nodiscard]] std::optional<PlanStep> step_of_line(std::string_view line);

}  // namespace brainsurgery
