// The plan language as a JSON Schema, for editors and validators.
#pragma once

#include <string>

#include "describe/catalog.h"

namespace brainsurgery {

// A schema of a whole plan as JSON text, indented, ended by a newline. Draft 7: the newest that YAML language servers
// understand everywhere.
//
// It accepts every plan that the program can bind, and refuses unknown and missing keys, unknown steps and operators,
// values of other types and words that are none of the choices. What depends on other parts of the plan (names,
// aliases, shapes, keys of one mode) is left to the program. A text that holds `${` stands for anything; keys at the
// top that are no part of a plan are the user's own.
[[nodiscard]] std::string plan_json_schema(const Catalog& catalog);

}  // namespace brainsurgery
