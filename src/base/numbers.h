// Numbers as Python writes and reads them: what plans contain and what reports show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brainsurgery {

// repr(float): shortest digits that read back equal, exponent below 1e-4 and from 1e16 on ("1e-05", "1.5e+16"), else
// always with a point ("2.0"); "inf", "-inf", "nan".
[[nodiscard]] std::string python_float(double value);

// float(text): blanks around, sign, decimal digits with single underscores between them, point, exponent; inf, infinity
// and nan in any case. Too large gives inf, too small 0. nullopt for anything else (hexadecimal, empty).
[[nodiscard]] std::optional<double> parse_python_float(std::string_view text);

// int(text): blanks around, sign, decimal digits with single underscores between them. nullopt for anything else and
// for what exceeds int64.
[[nodiscard]] std::optional<std::int64_t> parse_python_int(std::string_view text);

}  // namespace brainsurgery
