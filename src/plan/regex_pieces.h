// Parts of a regular expression, written for both engines, and how they are joined.
//
//   Piece piece = literal_piece(U'a', {});
//   piece = repeat(std::move(piece), 0, kMany, '?');   // a*?
//
// Source of what a part means: the syntax section of Python 3.11's `re` documentation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/python_regex.h"

namespace brainsurgery {

inline constexpr std::int64_t kMany = 1LL << 40;  // no upper limit; sums and products stop here

// The inline flags that matter; (?u) is the default.
struct RegexFlags {
  bool ignore_case = false, multi_line = false, dot_all = false, verbose = false, ascii = false;
};

// A translated part of a pattern, and what is known of the text that it matches.
struct Piece {
  std::string re2, pcre2;
  std::int64_t shortest = 0, longest = 0;  // characters
  std::vector<std::int16_t> head;          // how every match starts, as in PythonRegex
  bool exact = true;                       // ... and that is all of it
  bool pure = true;                        // ... and nothing else is asked: no assertion, no group
  int groups = 0;                          // capturing groups inside
  // What follows `head` is that and nothing else, unless it must not be tried another way.
  std::optional<PythonRegex::Gap> gap = {};

  void append(Piece other);          // `other` follows
  void add_branch(Piece other);      // `other` is the next alternative
  void wrap(std::string_view open);  // into "(?:", "(" or the like, and ")"
};

// `style`: '?' lazy, '+' possessive, '\0' greedy. `most` may be kMany.
[[nodiscard]] Piece repeat(Piece item, std::int64_t least, std::int64_t most, char style);

// A character spelt for both engines, inside and outside of brackets.
[[nodiscard]] std::string regex_literal(char32_t c);
[[nodiscard]] Piece literal_piece(char32_t c, const RegexFlags& flags);
[[nodiscard]] Piece one_character(std::string re2, std::string pcre2);        // a set
[[nodiscard]] Piece assertion(std::string_view re2, std::string_view pcre2);  // matches a place, no characters
[[nodiscard]] Piece any_character(const RegexFlags& flags);                   // .
[[nodiscard]] Piece line_start(const RegexFlags& flags);                      // ^
[[nodiscard]] Piece line_end(const RegexFlags& flags);                        // $
[[nodiscard]] Piece word_boundary(bool at, const RegexFlags& flags);          // \b, or \B if not `at`
// What `c` of "dDwWsS" stands for, for use inside of PCRE2's brackets.
[[nodiscard]] std::string character_category(char c, const RegexFlags& flags);

}  // namespace brainsurgery
