// What a plain (unquoted) YAML scalar means: YAML 1.1 as PyYAML with OmegaConf's float rule reads it.
//
//   resolve_scalar("1e-6").kind;      // YamlKind::floating
//   resolve_scalar("017").integer;    // 15
//   resolve_scalar("y").kind;         // YamlKind::string
//
// Source: YAML 1.1 type repository (bool, int, float, null), with the deviations of PyYAML: 'y' and 'n' are text, an
// exponent may lack its sign, ".5" has no sign, dates are text. Pure; may be called from several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace brainsurgery {

enum class YamlKind : std::uint8_t { null, boolean, integer, floating, string, sequence, mapping };

// The word that messages use: "null", "a boolean", "an integer", "a number", "a string", "a list", "a mapping".
[[nodiscard]] std::string_view to_string(YamlKind kind);

struct YamlScalar {
  YamlKind kind = YamlKind::string;                    // null, boolean, integer, floating or string
  bool boolean = false;                                // YamlKind::boolean
  std::optional<std::int64_t> integer = std::nullopt;  // YamlKind::integer that fits
  double floating = 0;                                 // integer and floating: the value, rounded to double
};

[[nodiscard]] YamlScalar resolve_scalar(std::string_view plain);

}  // namespace brainsurgery
