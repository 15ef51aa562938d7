// Expressions in texts of a plan: their values, what is left of a text when a name is not known, and formats.
#include "plan/expressions.h"

#include <gtest/gtest.h>

#include "plan/dotted_name.h"
#include "plan/modifiers.h"

namespace brainsurgery {
namespace {

const Variables kValues{{"i", {std::int64_t{5}}}, {"half", {0.5}}, {"word", {std::string("${x}")}}};

YamlPtr open_text(const std::string& text) {
  const auto source = std::make_shared<SourceText>(SourceText{"plan", "'" + text + "'"});
  const YamlPtr node = YamlNode::text({source, 1, 1, static_cast<int>(text.size()) + 2}, text);
  return YamlNode::unexplained(*node, text, std::make_shared<const Diagnostic>());
}

YamlPtr explained(const std::string& text) { return explain(open_text(text), VariableScope(kValues, nullptr)); }

TEST(Explain, ReplacesWhatIsKnown) {
  EXPECT_EQ(explained("a.${i + 1:03d}.w")->text(), "a.006.w");
  EXPECT_EQ(explained("${half:.2f}")->text(), "0.50");
  EXPECT_EQ(explained("${i:x}${i:3d}")->text(), "5  5");
  EXPECT_EQ(*explained("${i + 1}")->integer(), 6);
  EXPECT_TRUE(explained("${[i, half]}")->is_sequence());
  EXPECT_EQ(explained("x")->text(), "x");
}

TEST(Explain, LeavesTheRestATemplate) {
  const YamlPtr open = explained("${i}-${j}-${p:gate|up}");
  EXPECT_EQ(open->text(), "5-${j}-${p:gate|up}");
  EXPECT_NE(open->mistake(), nullptr);
}

TEST(Explain, KeepsWhatIsEscaped) {
  EXPECT_EQ(explained("\\${i}${i}")->text(), "${i}5") << "nothing is open: the text itself";
  EXPECT_EQ(explained("\\${i}${j}")->text(), "\\${i}${j}") << "read once more: still behind its backslash";
  EXPECT_EQ(explained("\\\\${j}")->text(), "\\\\${j}");
  EXPECT_EQ(explained("${word}${j}")->text(), "\\${x}${j}") << "what a value holds is no expression";
}

TEST(Explain, RefusesFormatsThatDoNotFit) {
  EXPECT_THROW(static_cast<void>(explained("${half:02d}")), Error);
  EXPECT_THROW(static_cast<void>(explained("${word:.2f}")), Error);
  EXPECT_THROW(static_cast<void>(explained("x${[i]}")), Error);
}

TEST(NumberFormats, AreFew) {
  for (const char* good : {"d", "3d", "03d", "x", "02x", ".2f", "8.3g", "e"}) EXPECT_TRUE(is_number_format(good)) << good;
  for (const char* bad : {"", "q", "03q", ".d", ".2d", "0003d", "d3", "gate|up"}) EXPECT_FALSE(is_number_format(bad)) << bad;
}

TEST(Escapes, ComeBackAsTheyWere) {
  for (const std::string text : {"", "a", "${x}", "\\${x}", "\\\\${x}", "a\\b${", "$\\{x}"}) {
    const TextTemplate parts = parse_template(escaped_literal(text));
    ASSERT_LE(parts.size(), 1U) << text;
    EXPECT_EQ(parts.empty() ? "" : std::get<std::string>(parts[0]), text);
  }
}

TEST(DottedNames, AreToldFromRegularExpressions) {
  for (const char* text : {"h.$i.w", "h.${p:q|k}.w", "$x", "a-b.$i", "h.$i.*rest"})
    EXPECT_TRUE(is_dotted_pattern(text)) << text;
  for (const char* text : {"h\\.$i", "h.(.*)", "h.w", "a$", "h.*.$i", "h.$i.[0-9]", "${x}", "h.$1.w"})
    EXPECT_FALSE(is_dotted_pattern(text)) << text;
}

TEST(DottedNames, BecomeLists) {
  const std::vector<std::string> pattern{"h", "$i", "~p::(q|k)_proj", "*rest"};
  EXPECT_EQ(dotted_pattern_entries("h.$i.${p:q|k}_proj.*rest"), pattern);
  const std::vector<std::string> destination{"g", "$i", "${p}_x"};
  EXPECT_EQ(dotted_template_entries("g.$i.${p}_x"), destination);
  EXPECT_THROW(static_cast<void>(dotted_pattern_entries("h..$i")), Error);
  EXPECT_THROW(static_cast<void>(dotted_template_entries("h.${p:q|k}")), Error);
  const std::vector<std::string> names{"i", "p", "e"};
  EXPECT_EQ(names_in_template("h.$i.${p:q|k}.x${e}"), names);
}

TEST(DottedNames, TakeAValueForAName) {
  EXPECT_EQ(with_name_replaced("h.$e.${e}.${e:02d}.$ex", "e", "7"), "h.7.7.07.$ex");
  EXPECT_EQ(with_name_replaced("r${n}::$n", "n", "1"), "r1::1");
  EXPECT_EQ(with_name_replaced("${p:q|k}.$p", "p", "q"), "q.q");
}

std::vector<Variables> combined(const std::string& yaml) {
  Diagnostics diagnostics;
  const YamlPtr each = parse_yaml(std::make_shared<SourceText>(SourceText{"plan", yaml}), diagnostics);
  YamlPtr unknown;
  return combinations(each, "step", nullptr, unknown);
}

TEST(Combinations, TheFirstNameIsSlowest) {
  std::string text;
  for (const Variables& row : combined("{a: 0..1, b: [x, y, z]}"))
    text += to_text(row[0].second) + to_text(row[1].second) + " ";
  EXPECT_EQ(text, "0x 0y 0z 1x 1y 1z ");
  EXPECT_TRUE(combined("{a: [], b: 0..9}").empty());
  EXPECT_TRUE(combined("{a: 3..1}").empty());
}

TEST(Combinations, AreLimited) {
  EXPECT_EQ(combined("{a: 0..99, b: 0..999}").size(), kMaxCombinations);
  EXPECT_THROW(static_cast<void>(combined("{a: 0..99, b: 0..1000}")), Error);
  EXPECT_THROW(static_cast<void>(combined("{a: 3}")), Error);
  EXPECT_THROW(static_cast<void>(combined("{'a b': [1]}")), Error);
}

}  // namespace
}  // namespace brainsurgery
