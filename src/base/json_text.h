// Text for JSON strings and for messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace brainsurgery {

// Which characters a JSON string has as escapes. Both escape '"', '\\' and the controls, the latter as \b \f \n \r \t
// and else \u00xx.
enum class JsonEscapes {
  controls_only,  // everything else raw: what the safetensors library writes
  for_terminal,   // what escape_for_terminal() escapes too, as \uxxxx
  ascii,          // DEL and all beyond ASCII as \uxxxx, surrogate pairs above U+FFFF: what Python's json.dumps writes
};

// Appends `text`, which must be valid UTF-8, as a quoted JSON string.
void append_json_string(std::string& to, std::string_view text, JsonEscapes escapes);

// Appends a code point, at most U+10FFFF, as UTF-8: what an escape of a JSON string stands for.
void append_utf8(std::string& to, std::uint32_t code);

// A name from a file as a message shows it: in single quotes, on one line, control characters escaped, and shortened in
// the middle where it is longer than a message should be.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace brainsurgery
