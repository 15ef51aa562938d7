// Patterns and templates of names written as one text: `model.layers.$i.mlp.${p:gate|up}_proj.weight`, which is the list
// [model, layers, $i, mlp, '~p::(gate|up)_proj', weight] of structured_pattern.h without its brackets.
//
//   $i        a segment that is this alone       *rest           any number of segments
//   ${p:RE}   a part of a segment that matches   anything else   itself: a dot is a dot
//
// Pure; may be called from several threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

// A dotted pattern has a segment `$name` or a `${name:RE}`, and, outside of these, no character that only a regular
// expression has. As a regular expression it could match nothing, since a name does not go on behind its end.
[[nodiscard]] bool is_dotted_pattern(std::string_view text);
// The same of a text whose ${...} are filled in: it needs no `$name`, since it had one.
[[nodiscard]] bool is_filled_dotted_pattern(std::string_view text);

// The entries of the list. Throws Error(plan) without a place: an empty segment, `${` that is not closed.
[[nodiscard]] std::vector<std::string> dotted_pattern_entries(std::string_view text);
// For a destination. `${p:RE}` is `${p}` where `with_regex` says so, else an error: formats of numbers are put in before.
[[nodiscard]] std::vector<std::string> dotted_template_entries(std::string_view text, bool with_regex = false);

// Every `${name:RE}` of a text, in order.
struct NamedPart {
  std::string name, regex;
};
[[nodiscard]] std::vector<NamedPart> named_parts(std::string_view text);

// The names of a template, whether captured or not: `$name` as a segment, `${name}`, `${name:RE}`.
[[nodiscard]] std::vector<std::string> names_in_template(std::string_view text);

// Both forms, and the entries of lists, with `value` in the place of the name: `$name` as a segment, `${name}`,
// `${name:RE}`.
[[nodiscard]] std::string with_name_replaced(std::string_view text, std::string_view name, std::string_view value);

}  // namespace brainsurgery
