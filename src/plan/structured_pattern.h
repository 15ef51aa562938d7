// Patterns written as lists: a name is split at its dots and matched segment by segment.
//
//   StructuredPattern pattern({"h", "$i", "*rest"});
//   pattern.match("h.3.attn.w");     // i = "3", rest = "attn.w" (2 segments)
//
// Tokens: `$x` one segment, `*xs` any number of segments (longest first), `~REGEX` one segment by full match,
// `~x::REGEX` and `~x,y::REGEX` the same with captures; anything else, also a lone sigil, is that segment. A variable
// used twice must be bound to equal text. Source: "structured mode" of the reference's behaviour. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/captures.h"
#include "plan/match_budget.h"
#include "plan/regex_engine.h"

namespace brainsurgery {

// [A-Za-z_][A-Za-z0-9_]*
[[nodiscard]] bool is_variable_name(std::string_view text);

class StructuredPattern {
 public:
  // Throws Error(plan) without a place; the message names the token.
  explicit StructuredPattern(const std::vector<std::string>& tokens);

  struct Variable {
    std::string name;
    bool sequence = false;
  };
  // In order of first use; number i is captured at [i + 1].
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }

  // Throws Error(run) where the budget is spent, Error(plan) where a bound group took no part.
  [[nodiscard]] std::optional<Captures> match(std::string_view name, MatchBudget& budget) const;

  [[nodiscard]] const std::string& literal_prefix() const { return prefix_; }
  [[nodiscard]] bool is_literal() const { return literal_; }
  [[nodiscard]] bool backtracks() const;

 private:
  enum class Kind : std::uint8_t { literal, scalar, sequence, regex };
  struct Token {
    Kind kind = Kind::literal;
    std::string text;                          // as written
    std::vector<std::size_t> variables;        // indices into variables_
    std::shared_ptr<const RegexEngine> regex;  // Kind::regex
  };
  class Matcher;

  [[nodiscard]] Token compile(const std::string& text);
  [[nodiscard]] Token compile_regex(const std::string& text);
  [[nodiscard]] std::size_t variable(std::string_view name, bool sequence, const std::string& token);
  void find_prefix();

  std::vector<Token> tokens_;
  std::vector<Variable> variables_;
  std::vector<std::size_t> single_after_;  // per token: how many tokens from it on take exactly one segment
  std::string prefix_;
  bool literal_ = false;
};

}  // namespace brainsurgery
