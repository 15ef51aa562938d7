// What `help` prints.
#pragma once

#include <optional>
#include <string>

#include "describe/catalog.h"

namespace brainsurgery {

struct HelpTopic {
  std::optional<std::string> step;  // nullopt: the list of all
  std::optional<std::string> part;  // an operator
};

// "commands", "copy", "assert.exists"
[[nodiscard]] std::string to_string(const HelpTopic& topic);

// A framed text: all steps; a step with its keys; the operators of an assertion; one of them. Throws Error(plan) for a
// name that is none, with the nearest one, and for a part of a step that has none.
[[nodiscard]] std::string help_text(const Catalog& catalog, const HelpTopic& topic);

}  // namespace brainsurgery
