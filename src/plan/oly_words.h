// The words of OLY: what parser and printer have to agree on.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "plan/yaml_scalars.h"

namespace brainsurgery {

// letter or "_", then letters, digits, "_", "-"; ASCII. The bytes of the identifier at the front of `text`, 0 for none.
[[nodiscard]] std::size_t oly_identifier_length(std::string_view text);

// A bare word ends before a comma, a blank, a tab, `]` or `}` that stands outside of all brackets that it opened
// itself. Each kind of bracket is counted on its own; a closing one without its opening one is an ordinary character.
struct OlyBareWord {
  std::size_t length = 0;               // bytes
  std::optional<std::size_t> unclosed;  // offset of the first bracket that is still open where the text ends
};
[[nodiscard]] OlyBareWord scan_oly_bare_word(std::string_view text);

// true and false in any case; null, NULL, ~; decimal integers without leading zeros; decimals; else a text.
[[nodiscard]] YamlScalar resolve_oly_word(std::string_view word);

}  // namespace brainsurgery
