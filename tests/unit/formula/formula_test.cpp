// The language of formulas: what is read, how tightly operators bind, and where mistakes are shown.
#include "formula/formula.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/formulas.h"

namespace brainsurgery {
namespace {

using testing::FormulaPrinter;
using testing::RandomFormula;

Formula parsed(std::string text) { return parse_formula({std::move(text), "f"}); }

// Every chain in parentheses.
std::string grouped(const Term& term) {
  const auto* chain = std::get_if<terms::Chain>(&term.kind);
  if (chain == nullptr) {
    if (const auto* unary = std::get_if<terms::Unary>(&term.kind))
      return "(" + std::string(spelling(unary->op)) + " " + grouped(*unary->operand) + ")";
    if (const auto* choice = std::get_if<terms::Choice>(&term.kind)) {
      return "(" + grouped(*choice->when_true) + " if " + grouped(*choice->condition) + " else " +
             grouped(*choice->when_false) + ")";
    }
    return FormulaPrinter::print(term);
  }
  std::string text = grouped(*chain->first);
  for (const terms::Chain::Link& link : chain->links)
    text = "(" + text + " " + std::string(spelling(link.op)) + " " + grouped(*link.operand) + ")";
  return text;
}

std::string grouped(const std::string& text) { return grouped(*parsed(text).root); }

TEST(Formula, OperatorsBindAsInPython) {
  EXPECT_EQ(grouped("a - b + c"), "((a - b) + c)");
  EXPECT_EQ(grouped("a + b * c"), "(a + (b * c))");
  EXPECT_EQ(grouped("a @ b / c"), "((a @ b) / c)");
  EXPECT_EQ(grouped("-a ** 2"), "(- (a ** 2))");
  EXPECT_EQ(grouped("a ** -b ** c"), "(a ** (- (b ** c)))");
  EXPECT_EQ(grouped("-a * b"), "((- a) * b)");
  EXPECT_EQ(grouped("a or b and not c == d"), "(a or (b and (not (c == d))))");
  EXPECT_EQ(grouped("a < b + c"), "(a < (b + c))");
  EXPECT_EQ(grouped("a if b else c if d else e"), "(a if b else (c if d else e))");
  EXPECT_EQ(grouped("x[0].T @ y"), "(x[0].T @ y)");
  EXPECT_EQ(grouped("a // b % c"), "((a // b) % c)");
}

TEST(Formula, NumbersAreThoseOfPython) {
  const auto number = [](const std::string& text) { return std::get<terms::Number>(parsed(text).root->kind); };
  EXPECT_EQ(number("12").integer, 12);
  EXPECT_EQ(number("1_000").integer, 1000);
  EXPECT_EQ(number("9223372036854775807").integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(number("1.").value, 1.0);
  EXPECT_EQ(number(".5").value, 0.5);
  EXPECT_EQ(number("2e-3").value, 0.002);
  EXPECT_FALSE(number("2e3").integer);
  EXPECT_GT(number("inf").value, 1e308);
  EXPECT_NE(number("nan").value, number("nan").value);
  EXPECT_EQ(constant_integer(*parsed("-3").root), -3);
  EXPECT_EQ(constant_integer(*parsed("0x0F").root), 15);
  EXPECT_EQ(constant_integer(*parsed("0x7fff_ffff_ffff_ffff").root), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(constant_number(*parsed("0x10").root), 16);
  EXPECT_EQ(constant_number(*parsed("-0.5").root), -0.5);
  EXPECT_FALSE(constant_number(*parsed("-x").root));
}

TEST(Formula, SlicesAndCallsKeepTheirParts) {
  const Formula formula = parsed("concat([x[..., 1:, ::2, -1], y], dim=-1)");
  EXPECT_EQ(FormulaPrinter::print(*formula.root), "concat([x[..., 1:, ::2, -1], y], dim=-1)");
  const auto& call = std::get<terms::Call>(formula.root->kind);
  EXPECT_EQ(call.arguments[1].keyword, "dim");
  EXPECT_EQ(call.function_range.end, 6u);
}

std::string mistake(const std::string& text) {
  try {
    static_cast<void>(parsed(text));
  } catch (const Error& error) {
    const Diagnostic& diagnostic = error.diagnostics().front();
    return std::to_string(diagnostic.span.column) + ": " + diagnostic.message;
  }
  return "none";
}

TEST(Formula, MistakesHaveTheirPlace) {
  EXPECT_EQ(mistake(""), "1: f: the formula is empty");
  EXPECT_EQ(mistake("a +"), "4: f: the formula ends where a value is expected");
  EXPECT_EQ(mistake("a b"), "3: f: unexpected 'b' where an operator or the end of the formula is expected");
  EXPECT_EQ(mistake("a + (b * c"), "5: f: this bracket is not closed by ')'");
  EXPECT_EQ(mistake("f(a b)"), "5: f: unexpected 'b' where ',' or ')' is expected");
  EXPECT_EQ(mistake("a < b < c"), "7: f: comparisons cannot be chained");
  EXPECT_EQ(mistake("a = b"), "3: f: unexpected '=' where an operator or the end of the formula is expected");
  EXPECT_EQ(mistake("a ? b"), "3: f: unexpected character '?'");
  EXPECT_EQ(mistake("a + \xC3\xA9"), "5: f: unexpected character '\xC3\xA9'");
  EXPECT_EQ(mistake("1e999"), "1: f: the number 1e999 is too large");
  EXPECT_EQ(mistake("9223372036854775808"), "1: f: the integer 9223372036854775808 is beyond int64");
  EXPECT_EQ(mistake("0xFFFFFFFFFFFFFFFF"), "1: f: the integer 0xFFFFFFFFFFFFFFFF is beyond int64");
  EXPECT_EQ(mistake("0x"), "1: f: '0x' is not a number");
  EXPECT_EQ(mistake("0xFG"), "1: f: '0xFG' is not a number");
  EXPECT_EQ(mistake("(a, 1)"), "3: f: unexpected ',' where an operator or ')' is expected");
  EXPECT_EQ(mistake("12ab"), "1: f: '12ab' is not a number");
  EXPECT_EQ(mistake("x if y"), "7: f: the formula ends where 'else' is expected");
  EXPECT_EQ(mistake("x.2"), "2: f: unexpected '.2' where an operator or the end of the formula is expected");
  EXPECT_EQ(mistake("x[]"), "3: f: unexpected ']' where a value is expected");
  EXPECT_EQ(mistake("and"), "1: f: unexpected 'and' where a value is expected");
  EXPECT_EQ(mistake(std::string(kMaxFormulaBytes + 1, ' ')), "1: f: the formula has 65537 bytes, more than 65536");
}

TEST(Formula, DepthIsLimitedAndLengthIsNot) {
  const auto repeated = [](const std::string& text, int times) {
    std::string result;
    while (times-- > 0) result += text;
    return result;
  };
  const std::string too_deep = "f: the formula is nested more than 300 levels deep";
  EXPECT_EQ(mistake(repeated("(", 10'000) + "x" + repeated(")", 10'000)), "301: " + too_deep);
  EXPECT_EQ(mistake(repeated("-", 10'000) + "x"), "301: " + too_deep);
  EXPECT_EQ(mistake(repeated("not ", 10'000) + "x"), "1201: " + too_deep);
  EXPECT_EQ(mistake(repeated("[", 10'000)), "301: " + too_deep);
  EXPECT_EQ(mistake(repeated("x**", 10'000) + "x"), "901: " + too_deep);
  EXPECT_EQ(mistake("x" + repeated("[0]", 10'000)), "1: " + too_deep);
  EXPECT_EQ(mistake(repeated("(", 200) + "x" + repeated(")", 200)), "none");
  EXPECT_EQ(mistake("x" + repeated(" + x", 10'000)), "none");
  EXPECT_EQ(parsed("x" + repeated(" + x", 10'000)).root->depth, 2);
}

// The place in the plan's file where the text stands there, else in a copy of the text.
TEST(Formula, PlacesAreThoseOfTheFile) {
  const auto source = std::make_shared<SourceText>(SourceText{"plan.yaml", "a: 1\nas: 'x + y'\n"});
  FormulaText text{"x + y", "compute.as", {source, 2, 5, 7}};
  EXPECT_EQ(text.span({4, 5}).column, 10);
  EXPECT_EQ(text.span({4, 5}).line, 2);
  EXPECT_EQ(text.span({5, 5}).column, 11);
  text.text = "x + 0.5 * z";
  EXPECT_EQ(text.span({2, 3}).source->name, "plan.yaml");
  EXPECT_EQ(text.span({10, 11}).source->name, "plan.yaml:2: compute.as");
  EXPECT_EQ(text.span({10, 11}).column, 11);
  text.text = "x +\n  z";
  EXPECT_EQ(text.span({6, 7}).line, 2);
  EXPECT_EQ(text.span({6, 7}).column, 3);
}

TEST(Formula, NamesAreNoWordsOfTheLanguage) {
  EXPECT_TRUE(is_formula_name("x"));
  EXPECT_TRUE(is_formula_name("_a1"));
  for (const char* text : {"", "1a", "a-b", "and", "inf", "true", "a.b", "\xC3\xA9"})
    EXPECT_FALSE(is_formula_name(text)) << text;
}

TEST(Formula, AnyTermIsReadAsItWasPrinted) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const std::string text = FormulaPrinter::print(*RandomFormula(seed).any(4));
    const Formula formula = parsed(text);
    ASSERT_EQ(FormulaPrinter::print(*formula.root), text) << "seed " << seed;
    ASSERT_EQ(formula.root->range.begin, 0u);
    ASSERT_EQ(formula.root->range.end, text.size());
  }
}

}  // namespace
}  // namespace brainsurgery
