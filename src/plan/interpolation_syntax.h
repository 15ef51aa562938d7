// The grammar of `${...}` in a text; what it refers to is not looked at here.
//
//   TextTemplate parsed = parse_template("a-${b.${c}}-${oc.env:N,4}");   // "a-", expression, "-", expression
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace brainsurgery {

struct Interpolation;
// Texts and what stands between them, in order.
using TextTemplate = std::vector<std::variant<std::string, std::shared_ptr<const Interpolation>>>;

struct ResolverArgument {
  TextTemplate text;  // without the blanks around it
  bool quoted = false;
};

struct Interpolation {
  TextTemplate head;  // a path, an expression or the name of a resolver; blanks around it belong to it
  std::optional<std::vector<ResolverArgument>> arguments;  // behind a colon: of a resolver, a format, a pattern
  std::string text;                                        // as written, from ${ to }
  std::size_t begin = 0;                                   // where `text` begins in the whole
};

// A backslash before `${` makes it text; pairs of backslashes before it are single ones; elsewhere backslashes are
// themselves. In a head, a colon within brackets or quotes does not end it; in an argument of anything but oc.env,
// braces are balanced. Throws Error(plan) without a place: something is not closed, or nested more than 20 deep.
[[nodiscard]] TextTemplate parse_template(std::string_view text);

// "a.b[0]" as "a", "b", "0"; `up`: the dots in front.
struct ReferencePath {
  std::size_t up = 0;
  std::vector<std::string> steps;
};
// Throws Error(plan) without a place.
[[nodiscard]] ReferencePath parse_reference_path(std::string_view text);

}  // namespace brainsurgery
