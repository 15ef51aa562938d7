// What the steps that can be taken back share: each says in its own file which step does it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/step.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// The field of the payload. Throws Error(plan) where it is missing.
[[nodiscard]] YamlPtr written_field(const WrittenStep& written, std::string_view field);
// Whether a field is the boolean true.
[[nodiscard]] bool says_true(const WrittenStep& written, std::string_view field);
// The integers of a list that is written out; empty: it is none.
[[nodiscard]] std::vector<std::int64_t> written_integers(const YamlNode& list);

// A mapping of these fields, in place of the payload; those that are nullptr are left out.
[[nodiscard]] YamlPtr payload_of(const WrittenStep& written,
                                 const std::vector<std::pair<std::string, YamlPtr>>& fields);
// The same payload with another value of the field.
[[nodiscard]] YamlPtr payload_with(const WrittenStep& written, std::string_view field, const YamlPtr& value);

// At the payload.
[[noreturn]] void cannot_undo(const WrittenStep& written, std::string reason);

}  // namespace brainsurgery
