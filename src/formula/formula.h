// The language of formulas: text to a syntax tree, every part with its place. Tensors, functions and dtypes are not
// known here; src/lowering gives a formula over tensors its meaning, evaluate.h one over numbers, strings and lists.
//
//   Formula formula = parse_formula({"x + 0.4 * (a - x)", "compute.as", span});   // throws Error(plan) at the mistake
//   std::get<terms::Chain>(formula.root->kind).links.size();                      // 1
//
// Grammar, loosest first; operators of one line are applied from left to right, ** from right to left:
//
//   choice  = or [ "if" or "else" choice ]
//   or      = and { "or" and }             and  = not { "and" not }          not = "not" not | comparison
//   comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" | "in" | "not" "in" ) sum ]
//   sum     = product { ( "+" | "-" ) product }
//   product = unary { ( "*" | "/" | "//" | "%" | "@" ) unary }
//   unary   = "-" unary | postfix [ "**" unary ]
//   postfix = value { "." NAME | "[" component { "," component } "]" }
//   value   = NUMBER | STRING | "true" | "false" | "inf" | "nan" | NAME | call | list | "(" choice ")"
//   call    = NAME "(" [ argument { "," argument } ] ")"                     argument = [ NAME "=" ] choice
//   list    = "[" [ item { "," item } ] "]"                                  item = choice [ ".." choice [ ".." choice ] ]
//   component = choice | [ choice ] ":" [ choice ] [ ":" [ choice ] ] | "..."
//
// A STRING stands between ' or ", of which a backslash makes one that belongs to it. first..last..step is a range that
// holds its last number.
//
// Formulas and terms are immutable, cheap to copy, and may be used from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {

// Bytes [begin, end) of a formula's text.
struct TextRange {
  std::size_t begin = 0, end = 0;
};

// A formula as written, and where.
struct FormulaText {
  std::string text;
  std::string field;      // starts every message: "compute.as"
  SourceSpan place = {};  // of the YAML value
  std::size_t begin = 0;  // where in the text the formula starts

  // The place of a part of the text in its file; in a copy of the text where the file has other words there, as after
  // an interpolation.
  [[nodiscard]] SourceSpan span(const TextRange& range) const;
  [[noreturn]] void fail(const TextRange& range, std::string_view message, std::vector<std::string> notes = {}) const;
};

enum class Operator : std::uint8_t {
  logical_or,
  logical_and,
  logical_not,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  unequal,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  remainder,
  matmul,
  negate,
  power,
  in,      // of numbers, strings and lists alone
  not_in,
};
[[nodiscard]] std::string_view spelling(Operator op);

struct Term;
using TermPtr = std::shared_ptr<const Term>;

namespace terms {
struct Number {
  double value = 0;
  std::optional<std::int64_t> integer = {};  // written as an integer that fits
};
struct Boolean {
  bool value = false;
};
struct Text {
  std::string text;  // without its quotes
};
struct Name {
  std::string name;
};
struct Range {  // an item of a list; both ends belong to it
  TermPtr first, last, step;  // step: nullptr for 1
};
struct List {
  std::vector<TermPtr> items;
};
struct Argument {
  std::string keyword;  // empty: by position
  TextRange keyword_range;
  TermPtr value;
};
struct Call {
  std::string function;
  TextRange function_range;
  std::vector<Argument> arguments;
};
// One component of a slice: an index, or a range of which each number may be missing.
struct Component {
  enum class Kind : std::uint8_t { index, range, ellipsis } kind = Kind::range;
  TermPtr index, start, stop, step;  // nullptr: missing
};
struct Part {  // x[0:3, -1]
  TermPtr base;
  std::vector<Component> components;
  TextRange brackets;
};
struct Member {  // x.T
  TermPtr base;
  std::string name;
  TextRange name_range;
};
struct Unary {
  Operator op;
  TermPtr operand;
};
// Operators of one level from left to right: a - b + c is one chain, whatever its length.
struct Chain {
  struct Link {
    Operator op;
    TextRange place;  // of the operator
    TermPtr operand;
  };
  TermPtr first;
  std::vector<Link> links;  // at least one
};
struct Choice {  // when_true if condition else when_false
  TermPtr condition, when_true, when_false;
};
}  // namespace terms

struct Term {
  TextRange range;
  int depth;  // levels below and including this term, at most kMaxFormulaDepth
  std::variant<terms::Number, terms::Boolean, terms::Text, terms::Name, terms::Range, terms::List, terms::Call,
               terms::Part, terms::Member, terms::Unary, terms::Chain, terms::Choice>
      kind;
};

struct Formula {
  FormulaText text;
  TermPtr root;
};

// Levels that terms may be nested: recursion over a formula needs no other guard.
inline constexpr int kMaxFormulaDepth = 300;
inline constexpr std::size_t kMaxFormulaBytes = 64 * 1024;

// Throws Error(plan) at the first mistake: a character or token that does not fit, an unclosed bracket, a formula that
// is too long or too deep.
[[nodiscard]] Formula parse_formula(FormulaText text);

// Whether a formula can use `text` as a name: letters, digits and _, and no word of the language.
[[nodiscard]] bool is_formula_name(std::string_view text);
// The integer that a term is without any tensor: 3, -1. nullopt for others.
[[nodiscard]] std::optional<std::int64_t> constant_integer(const Term& term);
// The number that a term is without any tensor: 3, -0.5, inf.
[[nodiscard]] std::optional<double> constant_number(const Term& term);

}  // namespace brainsurgery
