// The tokens of a formula.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "formula/formula.h"

namespace brainsurgery {

struct Token {
  enum class Kind : std::uint8_t { number, string, name, word, symbol, end };
  Kind kind = Kind::end;
  std::string_view text;  // word: of the language, "and"; symbol: "**", "("; string: with its quotes; empty at the end
  TextRange range;
  terms::Number number = {};

  [[nodiscard]] bool is(std::string_view symbol_or_word) const {
    return (kind == Kind::symbol || kind == Kind::word) && text == symbol_or_word;
  }
};

// Ends with a token of Kind::end. Throws Error(plan): characters that no formula has, numbers that no double holds.
[[nodiscard]] std::vector<Token> tokens_of(const FormulaText& text);

}  // namespace brainsurgery
