// What a field takes and does, in words: shared by help, the reference pages and the descriptions in the JSON Schema.
#pragma once

#include <string>

#include "brainsurgery/schema.h"

namespace brainsurgery {

// "number", "list of references", "one of uniform, normal"
[[nodiscard]] std::string type_text(const Field& field);

// What it names and whether it may be sliced, in sentences; empty for a field that is no reference:
// "A template, filled in from the match; the tensors must not exist. No slice."
[[nodiscard]] std::string names_text(const Field& field);

// "Payload" as the schema wants it: "mapping", "reference", "mapping, or path alone"
[[nodiscard]] std::string payload_text(const Schema& schema);

// "required", "default 0", "optional"; of the fields in Schema::needs_one_of "one of these is required".
[[nodiscard]] std::string presence_text(const Schema& schema, const Field& field);

// The example on one line in OLY.
[[nodiscard]] std::string example_as_oly(const Docs& docs);

}  // namespace brainsurgery
