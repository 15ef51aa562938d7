// The values of expressions: operators and functions as in Python, mistakes at their places, limits of size.
#include "formula/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "formula/value_functions.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Names with values, and one function, twice(x).
class TestScope : public ValueScope {
 public:
  [[nodiscard]] bool knows(std::string_view name) const override { return name == "twice" || value(name).has_value(); }
  [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override {
    if (name == "i") return PlanValue{std::int64_t{5}};
    if (name == "least") return PlanValue{kLeast};
    if (name == "most") return PlanValue{kMost};
    if (name == "word") return PlanValue{std::string("float32")};
    if (name == "list") return PlanValue{PlanValue::List{{std::int64_t{10}}, {std::int64_t{20}}, {std::int64_t{30}}}};
    if (name == "record") return PlanValue{PlanValue::Record{{"size", {std::int64_t{7}}}, {"3", {std::string("c")}}}};
    return std::nullopt;
  }
  [[nodiscard]] std::optional<PlanValue> call(std::string_view function,
                                              const std::vector<PlanValue>& arguments) const override {
    if (function != "twice") return std::nullopt;
    return apply(Operator::multiply, arguments.at(0), {std::int64_t{2}});
  }
  [[nodiscard]] std::vector<std::string> names() const override {
    return {"i", "least", "most", "word", "list", "record"};
  }
};

PlanValue value_of(const std::string& text) { return evaluate(parse_formula({text, "f"}), TestScope()); }

// A value with its type: 1 and 1.0 are told apart.
std::string shown(const PlanValue& value) {
  if (value.text() != nullptr) return "'" + *value.text() + "'";
  if (value.list() != nullptr) {
    std::string items;
    for (const PlanValue& item : *value.list()) items += (items.empty() ? "" : ", ") + shown(item);
    return "[" + items + "]";
  }
  const std::string text = to_text(value);
  const bool is_float = std::holds_alternative<double>(value.is);
  return is_float && text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

struct Example {
  const char *text, *value;
};

void expect_values(const std::vector<Example>& examples) {
  for (const Example& example : examples) EXPECT_EQ(shown(value_of(example.text)), example.value) << example.text;
}

// The message of a mistake, and the column where it is shown, from 1.
void expect_mistake(const std::string& text, const std::string& message, int column) {
  try {
    FAIL() << text << " is " << shown(value_of(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan) << text;
    EXPECT_EQ(error.diagnostics().front().message, "f: " + message) << text;
    EXPECT_EQ(error.diagnostics().front().span.column, column) << text;
  }
}

TEST(Evaluate, ArithmeticIsPythons) {
  expect_values({{"1 + 2 * 3", "7"},       {"7 / 2", "3.5"},      {"4 / 2", "2.0"},     {"7 // 2", "3"},
                 {"-7 // 2", "-4"},        {"7 // -2", "-4"},     {"-7 % 3", "2"},      {"7 % -3", "-2"},
                 {"7.5 // 2", "3.0"},      {"-7.5 % 2", "0.5"},   {"1 % 0.1", "0.09999999999999995"}, {"1 // 0.1", "9.0"}, {"1e22 % 7", "4.0"}, {"2 ** 10", "1024"},  {"2 ** -1", "0.5"},
                 {"-2 ** 2", "-4"},        {"2 ** 3 ** 2", "512"}, {"4 ** 0.5", "2.0"}, {"1 - 0.5", "0.5"},
                 {"i * 1.0", "5.0"},       {"least // 1 == least", "true"},             {"least % -1", "0"},
                 {"'a' + 'b'", "'ab'"},    {"[1] + [2]", "[1, 2]"}, {"[1, 2] * 2", "[1, 2, 1, 2]"}, {"[1] * -1", "[]"}});
}

TEST(Evaluate, ComparisonsAndLogic) {
  expect_values({{"1 < 2", "true"},           {"2 <= 1", "false"},          {"1 == 1.0", "true"},
                 {"1 != '1'", "true"},        {"'a' < 'b'", "true"},        {"2 >= 2.5", "false"},
                 {"3 > 2.5", "true"},         {"true and false", "false"},  {"false or true", "true"},
                 {"not i == 5", "false"},     {"false and i / 0 == 1", "false"}, {"true or i / 0 == 1", "true"},
                 {"1 if i > 4 else i / 0", "1"}, {"20 in list", "true"},    {"20.0 in list", "true"},
                 {"25 not in list", "true"},  {"'size' in record", "true"}, {"3 in record", "true"},
                 {"'oat' in word", "true"},   {"'x' not in word", "true"},  {"[1, 2] == [1, 2.0]", "true"}});
}

TEST(Evaluate, ListsRangesSlicesRecords) {
  expect_values({{"[0..3]", "[0, 1, 2, 3]"}, {"[0..7..3]", "[0, 3, 6]"}, {"[3..0]", "[]"},
                 {"[3..0..-1]", "[3, 2, 1, 0]"}, {"[1, 5..6, 'x']", "[1, 5, 6, 'x']"}, {"[most - 1..most]", "[9223372036854775806, 9223372036854775807]"},
                 {"list[0]", "10"},          {"list[-1]", "30"},         {"list[1:]", "[20, 30]"},
                 {"list[:-1]", "[10, 20]"},  {"list[2:1]", "[]"},        {"list[-9:9]", "[10, 20, 30]"},
                 {"record.size", "7"},       {"record['size']", "7"},    {"record[3]", "'c'"}});
}

TEST(Evaluate, Functions) {
  expect_values({{"abs(-3)", "3"},          {"abs(-0.5)", "0.5"},      {"ceil(0.5)", "1"},     {"floor(-0.5)", "-1"},
                 {"float('0.5')", "0.5"},   {"float(2)", "2.0"},       {"int('12')", "12"},    {"int(-1.9)", "-1"},
                 {"len(list)", "3"},        {"len(record)", "2"},      {"len('abc')", "3"},    {"lerp([0, 1, 3], 0.75)", "2.0"},
                 {"lerp([5], 0.3)", "5.0"}, {"lerp([0, 1], 7)", "1.0"}, {"max(1, 2.5)", "2.5"}, {"min(list)", "10"},
                 {"pick(list, [2, 0])", "[30, 10]"}, {"range(3)", "[0, 1, 2]"}, {"range(1, 7, 3)", "[1, 4]"},
                 {"range(3, 0, -1)", "[3, 2, 1]"}, {"round(2.5)", "2"}, {"round(0.125, 2)", "0.12"}, {"round(5, 2)", "5"}, {"round(0.5, 400)", "0.5"}, {"round(1250.0, -2)", "1200.0"}, {"sqrt(9)", "3.0"},
                 {"str(7)", "'7'"},         {"sum(list)", "60"},       {"sum([])", "0"},       {"twice(i)", "10"}});
  EXPECT_EQ(value_functions().size(), 15U) << "a function has no example here";
}

TEST(Evaluate, MistakesAreShownAtTheirPlace) {
  expect_mistake("1 / 0", "division by zero", 3);
  expect_mistake("1 // 0", "division by zero", 3);
  expect_mistake("1 % 0.0", "division by zero", 3);
  expect_mistake("most + 1", "the integer is beyond int64", 6);
  expect_mistake("least - 1", "the integer is beyond int64", 7);
  expect_mistake("most * 2", "the integer is beyond int64", 6);
  expect_mistake("10 ** 19", "the integer is beyond int64", 4);
  expect_mistake("least // -1", "the integer is beyond int64", 7);
  expect_mistake("-least", "the integer is beyond int64", 1);
  expect_mistake("abs(least)", "the integer is beyond int64", 1);
  expect_mistake("floor(1e300)", "1e+300 is no integer of 64 bits", 1);
  expect_mistake("1 + 'a'", "'+' takes numbers, not the number 1 and the string 'a'", 3);
  expect_mistake("1 < 'a'", "cannot compare the number 1 and the string 'a'", 3);
  expect_mistake("1 and true", "true or false is needed, not the number 1", 1);
  expect_mistake("1 in 2", "the number 2 cannot contain the number 1", 3);
  expect_mistake("list[3]", "the list has 3 items, none at 3", 6);
  expect_mistake("list[-4]", "the list has 3 items, none at -4", 6);
  expect_mistake("list[0:2:1]", "slices of lists have no step", 10);
  expect_mistake("record.sise", "there is no 'sise'", 8);
  expect_mistake("word.size", "cannot look for 'size' in the string 'float32'", 6);
  expect_mistake("[0..9..0]", "the step of a range must not be 0", 8);
  expect_mistake("0 + wrd", "unknown name 'wrd'", 5);
  expect_mistake("1 + flor(2)", "unknown function 'flor'", 5);
  expect_mistake("pick(list, [3])", "the list has 3 items, none at 3", 1);
  expect_mistake("int('x')", "'x' is no integer", 1);
}

TEST(Evaluate, ValuesAreLimited) {
  const std::string message = too_large();
  expect_mistake("[0..999999999999]", message, 1);
  expect_mistake("range(999999999999)", message, 1);
  expect_mistake("[0..9] * 1000000", message, 8);
  expect_mistake("[[0..99999]] * 100", message, 14);
  expect_mistake("[[0..499999], [0..499999]]", message, 1);
  expect_mistake("[0..499999] + [0..499999]", message, 13);
  expect_mistake("pick([[0..99999]], [0] * 100)", message, 1);
  EXPECT_EQ(value_of("[0..999998]").list()->size(), 999'999U);
}

TEST(Evaluate, DividesLikePython) {
  std::mt19937_64 engine(1);
  for (int i = 0; i < 20'000; ++i) {
    const int shift = static_cast<int>(engine() % 62);
    const std::int64_t a = static_cast<std::int64_t>(engine()) >> (engine() % 62);
    const std::int64_t b = static_cast<std::int64_t>(engine()) >> shift;
    if (b == 0 || b == -1) continue;
    const std::int64_t quotient = *apply(Operator::floor_divide, {a}, {b}).integer();
    const std::int64_t rest = *apply(Operator::remainder, {a}, {b}).integer();
    const std::uint64_t back = static_cast<std::uint64_t>(quotient) * static_cast<std::uint64_t>(b) +
                               static_cast<std::uint64_t>(rest);
    ASSERT_EQ(static_cast<std::int64_t>(back), a) << a << " " << b;
    ASSERT_TRUE(rest == 0 || (rest < 0) == (b < 0)) << a << " " << b;
    ASSERT_TRUE(b > 0 ? rest < b : rest > b) << a << " " << b;
  }
}

TEST(Evaluate, NamesOfAFormula) {
  const Formula formula = parse_formula({"[a.x, b[c:d]] if e in f('g') else -len(h) ** [i..j..k][l]", "f"});
  const std::set<std::string, std::less<>> expected{"a", "b", "c", "d", "e", "f", "h", "i", "j", "k", "l"};
  EXPECT_EQ(names_in(formula), expected);
}

TEST(PlanValues, SizeCountsWhatIsWithin) {
  EXPECT_EQ(size_of({}), 1U);
  EXPECT_EQ(size_of({std::string(32, 'x')}), 3U);
  EXPECT_EQ(size_of({PlanValue::List{{}, {PlanValue::List{{}}}}}), 4U);
  EXPECT_EQ(size_of({PlanValue::Record{{"k", {}}}}), 2U);
}

}  // namespace
}  // namespace brainsurgery
