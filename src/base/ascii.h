// Characters of ASCII, whatever the locale.
#pragma once

namespace brainsurgery {

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_octal_digit(char c) { return c >= '0' && c <= '7'; }
[[nodiscard]] constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace brainsurgery
