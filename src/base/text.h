// Bytes that claim to be text: is it UTF-8, and what of it may a terminal see. ASCII helpers that know no locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace brainsurgery {

// One step through UTF-8: the code point at the front of `text` and its bytes. An invalid byte gives valid = false,
// length 1 and the byte itself. `text` must not be empty. Overlong forms, surrogates and values past U+10FFFF are
// invalid.
struct CodePoint {
  char32_t value = 0;
  int length = 1;
  bool valid = true;
};
[[nodiscard]] CodePoint decode_utf8(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);
// Nothing but U+0020 to U+007E. Quick where that is so, as for most names.
[[nodiscard]] bool is_printable_ascii(std::string_view text);

// Makes text harmless for a terminal: control characters (ESC, DEL and C1 among them) and bytes that are not UTF-8
// become \xNN, characters that reorder, hide or break a line \u{NNNN}. Printable text is unchanged.
[[nodiscard]] std::string escape_for_terminal(std::string_view text);

// What escape_for_terminal() leaves as it is, of valid UTF-8.
[[nodiscard]] bool is_harmless(char32_t code_point);

// The same for text of several lines, which keeps its ends of lines.
[[nodiscard]] std::string escape_lines(std::string_view text);

// Numbers in names count as numbers: "h.2" comes before "h.10".
[[nodiscard]] bool naturally_less(std::string_view a, std::string_view b);

// Without the ASCII blanks at both ends (space, \t, \n, \v, \f, \r).
[[nodiscard]] std::string_view trim(std::string_view text);

// "1 tensor", "2 tensors"; `noun` takes an s.
[[nodiscard]] std::string counted(std::int64_t count, std::string_view noun);

// A to Z become a to z; other bytes stay.
[[nodiscard]] std::string ascii_lower(std::string_view text);

// The columns that a terminal gives to a code point: 0 for combining marks, 2 for East Asian wide characters and emoji.
[[nodiscard]] int display_width(char32_t code_point);

}  // namespace brainsurgery
