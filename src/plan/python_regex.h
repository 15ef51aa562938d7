// Reads Python's `re` syntax and writes it down for RE2 and PCRE2, so that a pattern means here what it means there.
//
//   PythonRegex regex = translate_python_regex("h\\.(\\d+)\\.(?!mlp).+");
//   regex.needs_backtracking;       // true: look-ahead; use regex.pcre2
//
// Source: the syntax section of Python 3.11's `re` documentation and its observed behaviour; matching is fullmatch().
// Neither engine's own parser decides what is valid: both accept things that Python refuses or reads differently
// (`{,n}`, `\Z`, `[[:alpha:]]`, `$` before a last newline).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brainsurgery {

struct PythonRegex {
  // Both written without flags other than (?i:), every special character as \x{...}. `re2` is valid only for names of
  // printable ASCII, where Unicode classes and `$` before a newline make no difference, and only unless
  // needs_backtracking.
  std::string re2;
  std::string pcre2;
  // Look-around, back-references, conditionals, atomic groups, possessive repeats; groups in repeats that can match
  // empty (captures would differ); non-ASCII letters under (?i); counts beyond RE2's limit.
  bool needs_backtracking = false;
  bool counts = false;  // something may be repeated a number of times
  int group_count = 0;
  std::vector<std::pair<std::string, int>> group_names;  // name, number; in order of appearance

  // Every match starts with `head`: bytes, or kAnyCharacter for one character except newline.
  static constexpr std::int16_t kAnyCharacter = 256;
  std::vector<std::int16_t> head;
  bool head_is_all = false;  // a name matches exactly if it is `head`, and there are no groups

  // `head`, any characters but newlines, `tail`: "h\\.0\\.(.*)", ".*\\.weight".
  struct Gap {
    std::int64_t least = 0;          // as many characters at least
    bool captured = false;           // they are the only group
    std::vector<std::int16_t> tail;  // as head

    friend bool operator==(const Gap&, const Gap&) = default;
  };
  std::optional<Gap> gap;  // a name matches exactly if it is of this form
};

// Throws Error(plan) without a place: what is wrong, in the words of Python's messages where they fit, and where in the
// pattern ("at position 3", counted from 0 in characters).
[[nodiscard]] PythonRegex translate_python_regex(std::string_view pattern);

}  // namespace brainsurgery
