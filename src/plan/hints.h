// Notes for mistakes that come from other tools' habits: shell globs as patterns, `$1` for a group, dtypes and keys by
// other names. They only explain; nothing that they know is accepted in a plan.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/schema.h"
#include "brainsurgery/tensor_ref.h"

namespace brainsurgery {

// The regular expression of a shell glob ("*.bias" is ".*\.bias"); nullopt for text that does not read as one.
[[nodiscard]] std::optional<std::string> regex_of_glob(std::string_view text);
// The note for a text that is no regular expression but reads as a glob; or none.
[[nodiscard]] std::vector<std::string> glob_notes(std::string_view regex);

// Why a regular expression matches nothing: tries what it may have been meant as. `nearest`: the notes that name names
// like it; `matches`: whether any name matches an expression.
[[nodiscard]] std::vector<std::string> unmatched_notes(std::string_view regex, std::vector<std::string> nearest,
                                                       const std::function<bool(const std::string& regex)>& matches);

// A reference's text as a name might be spelt: escapes removed.
[[nodiscard]] std::string unescaped(std::string_view expr);

// The note for a template with `$1` where `\1` is a group, or with a `*`; or none.
[[nodiscard]] std::vector<std::string> group_notes(const TensorRef& derived);

// Which of the steps a word that names none was meant to be.
[[nodiscard]] std::vector<std::string> step_notes(const std::string& word, std::span<const Schema> steps);

// The field of the schema that other tools call `key`; nullopt: none.
[[nodiscard]] std::optional<std::string> field_called(const Schema& schema, std::string_view key);

// The note for a key of the plan by which other tools call inputs, transforms or output; or none.
[[nodiscard]] std::vector<std::string> section_notes(std::string_view key);

// Dtypes that a word which names none may stand for: "float8", "F8_E4M3", "fp8".
[[nodiscard]] std::vector<std::string> dtypes_like(std::string_view word);

}  // namespace brainsurgery
