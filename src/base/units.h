// "5GB" and back. The only parser of sizes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brainsurgery {

// Bytes of "INTEGER UNIT": unit b, kb, mb, gb or tb in any case, powers of 1024, blanks around both. nullopt for
// anything else (fractions, bare numbers, signs) and for what exceeds int64.
[[nodiscard]] std::optional<std::int64_t> parse_size(std::string_view text);

// "512 B", "1.2 GB"; powers of 1024, as parse_size reads them.
[[nodiscard]] std::string format_size(std::int64_t bytes);

// "3 ms", "0.26 s", "12.3 s", "2 min 05 s", "1 h 02 min".
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace brainsurgery
