#include "plan/yaml_tree.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace brainsurgery {
namespace {

struct Parsed {
  YamlPtr root;
  Diagnostics diagnostics;
};

Parsed parse(std::string text) {
  Parsed parsed;
  parsed.root = parse_yaml(std::make_shared<SourceText>(SourceText{"plan.yaml", std::move(text)}), parsed.diagnostics);
  return parsed;
}

// "{a: [1, 'x']}": quoted or string scalars in quotes.
std::string shown(const YamlNode& node) {
  std::string result;
  if (node.is_sequence()) {
    for (const YamlPtr& item : node.items()) result += (result.empty() ? "" : ", ") + shown(*item);
    return "[" + result + "]";
  }
  if (node.is_mapping()) {
    for (const auto& [key, value] : node.entries()) {
      result += (result.empty() ? "" : ", ") + key->text() + ": " + shown(*value);
    }
    return "{" + result + "}";
  }
  if (node.is_null()) return "null";
  return node.is_string() ? "'" + node.text() + "'" : node.text();
}

std::string shown(const std::string& text) {
  Parsed parsed = parse(text);
  return parsed.root != nullptr ? shown(*parsed.root) : "refused: " + parsed.diagnostics.items()[0].message;
}

std::string place(const SourceSpan& span) { return std::to_string(span.line) + ":" + std::to_string(span.column); }

TEST(YamlTree, EscapesOfCodePointsAreUtf8) {
  EXPECT_EQ(shown(R"(["\N\_", "\x85\xa0\u00e9", "a\Nb", "\L\P"])"),
            "['\xc2\x85\xc2\xa0', '\xc2\x85\xc2\xa0\xc3\xa9', 'a\xc2\x85"
            "b', '\xe2\x80\xa8\xe2\x80\xa9']");
}

TEST(YamlTree, ReadsPlans) {
  EXPECT_EQ(shown("inputs: [a::x.safetensors]\ntransforms:\n  - copy: {from: a, to: b}\n  - exit\n"),
            "{inputs: ['a::x.safetensors'], transforms: [{copy: {from: 'a', to: 'b'}}, 'exit']}");
  EXPECT_EQ(shown("a: 'x\\.y'\nb: \"t\\tab\"\nc: |\n  two\n  lines\nd: >\n  fold\n  ed\n"),
            "{a: 'x\\.y', b: 't\tab', c: 'two\nlines\n', d: 'fold ed\n'}");
  EXPECT_EQ(shown("a: 3\nb: '3'\nc: yes\nd: \"no\"\ne:\nf: ~\n"), "{a: 3, b: '3', c: yes, d: 'no', e: null, f: null}");
  EXPECT_EQ(shown("[a::b::c, h.0.w, .5, -]"), "['a::b::c', 'h.0.w', .5, '-']");
  EXPECT_EQ(shown("a: {b, c: }"), "{a: {b: null, c: null}}");
  EXPECT_EQ(shown("{on: 1, 3: x}"), "{on: 1, 3: 'x'}");
  EXPECT_EQ(shown("a: b\r\nc: d\r\n"), "{a: 'b', c: 'd'}");
  EXPECT_EQ(shown("\xef\xbb\xbf"
                  "a: b"),
            "{a: 'b'}");
}

TEST(YamlTree, EmptyDocumentsAreNull) {
  for (const char* text : {"", "\n\n", "# nothing\n", "---\n", "---\n...\n", "~"})
    EXPECT_EQ(shown(text), "null") << text;
}

TEST(YamlTree, QuestionMarksInPatternsNeedNoQuotes) {
  EXPECT_EQ(shown("{from: (?:a|b)x}"), "{from: '(?:a|b)x'}");
  EXPECT_EQ(shown("[(?i)a, 'b?', \"c?\", d?]"), "['(?i)a', 'b?', 'c?', 'd?']");
  EXPECT_EQ(shown("# why?\na: b? # eh?\nc: |\n  d?\n"), "{a: 'b?', c: 'd?\n'}");
  EXPECT_EQ(shown("a?: 1"), "{a?: 1}");
  EXPECT_EQ(shown(R"(["\x01?", "\\x01?", "?\u0001"])"), "['\x01?', '\\x01?', '?\x01']");
  Parsed parsed = parse("{from: (?:a|b)x, to: y}");
  EXPECT_EQ(place(parsed.root->find("to")->span()), "1:22");
}

TEST(YamlTree, TagsChooseTheKind) {
  EXPECT_EQ(shown("[!!str 3, !!int '3', !!float 3, !!bool 'yes', !!null '', ! x, !!seq [a], !!map {a: b}]"),
            "['3', 3, 3, yes, null, 'x', ['a'], {a: 'b'}]");
  Parsed parsed = parse("!!float 3");
  EXPECT_EQ(parsed.root->kind(), YamlKind::floating);
  EXPECT_EQ(parsed.root->floating(), 3.0);
}

TEST(YamlTree, AliasesShareAndMerge) {
  EXPECT_EQ(shown("a: &x [1, 2]\nb: *x\n"), "{a: [1, 2], b: [1, 2]}");
  EXPECT_EQ(shown("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3, z: 4}\n"),
            "{base: {x: 1, y: 2}, use: {x: 1, y: 3, z: 4}}");
  EXPECT_EQ(shown("- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}\n"), "[{x: 1}, {x: 2, y: 2}, {x: 1, y: 2}]");
  EXPECT_EQ(shown("{'<<': 1}"), "{<<: 1}");
  EXPECT_EQ(shown("{<<: 3}"), "refused: '<<' merges mappings, not the number 3");
  Parsed parsed = parse("[&x {a: 1}, *x]");
  EXPECT_EQ(parsed.root->items()[0], parsed.root->items()[1]);
}

TEST(YamlTree, EveryNodeHasItsPlace) {
  Parsed parsed = parse("inputs: [x]\nempty:\nlist:\n  - # nothing\n  -\n  - a\n  - ~\nlast: \"q\"");
  const YamlNode& root = *parsed.root;
  EXPECT_EQ(place(root.span()), "1:1");
  EXPECT_EQ(place(root.find("inputs")->span()), "1:9");
  EXPECT_EQ(place(root.find("inputs")->items()[0]->span()), "1:10");
  EXPECT_EQ(place(root.find("empty")->span()), "2:1");  // left out: at its key
  const YamlItems& list = root.find("list")->items();
  EXPECT_EQ(place(list[0]->span()), "4:3");  // left out: at its dash
  EXPECT_EQ(place(list[1]->span()), "5:3");
  EXPECT_EQ(place(list[2]->span()), "6:5");
  EXPECT_EQ(place(list[3]->span()), "7:5");
  EXPECT_EQ(place(root.find("last")->span()), "8:7");
  EXPECT_EQ(root.find("last")->span().length, 3);
  EXPECT_EQ(place(parse("é: x").root->find("é")->span()), "1:5");  // bytes
  EXPECT_EQ(place(parse("\xef\xbb\xbf"
                        "a: x")
                      .root->find("a")
                      ->span()),
            "1:7");
}

TEST(YamlTree, RefusesWithReasonAndPlace) {
  struct Case {
    std::string text, place, message;
  };
  const std::vector<Case> cases = {
      {"a: 1\nb: 2\na: 3\n", "3:1", "duplicate key 'a'"},
      {"a\n---\nb\n", "2:1", "a second document starts here; a plan is one document"},
      {"a: &x [1, *x]", "1:11", "this alias refers to itself"},
      {"a: *nope", "1:4", "invalid YAML: the referenced anchor is not defined"},
      {"a: !foo b", "1:4", "tag '!foo' does not fit here"},
      {"a: !!binary b", "1:4", "tag '!!binary' does not fit here"},
      {"a: !!seq {b: c}", "1:4", "tag '!!seq' does not fit here"},
      {"a: !!int x", "1:4", "'x' does not match its tag !!int"},
      {"[x, , y]", "1:5", "a list entry is missing before ','"},
      {"[,]", "1:2", "a list entry is missing before ','"},
      {"{a: 1, , b: 2}", "1:8", "a key is missing before ':' or ','"},
      {": a", "1:1", "a key is missing before ':' or ','"},
      {"{[a]: b}", "1:2", "a key must be a string, not a list"},
      {",", "1:1", "a document cannot start with ','"},
      {"# c\n--- ,a", "2:5", "a document cannot start with ','"},
      {"a: \x01", "1:4", "control character U+0001"},
      {std::string("a: \0b", 5), "1:4", "control character U+0000"},
      {"a: \x7f", "1:4", "control character U+007F"},
      {"a: \xc2\x80", "1:4", "control character U+0080"},
      {"ok: 1\nbad: \xff\xfe", "2:6", "byte 0xff is not valid UTF-8"},
      {"a: \xed\xa0\x80", "1:4", "byte 0xed is not valid UTF-8"},
      {"a: b\rc: d", "1:5", "carriage return without line feed; end lines by LF or CR LF"},
      {"? a", "1:1", "explicit keys ('? key') are not supported; write 'key: value'"},
      {"a: b: c", "1:5", "invalid YAML: illegal map value"},
      {"a: [b", "1:1", "invalid YAML: end of sequence flow not found"},
      {"a: @b", "1:4", "invalid YAML: unknown token"},
      {"a:\n\t- b", "2:1", "YAML does not allow tabs as indentation"},
      {"a:\n  \tb: c", "2:3", "YAML does not allow tabs as indentation"},
      {"a:\n  - b:\n\t  c: d", "3:1", "YAML does not allow tabs as indentation"},
      {"a:\n  b: c\n\td: e", "3:1", "YAML does not allow tabs as indentation"},
      {"-\ta: b", "1:2", "YAML does not allow tabs as indentation"},
      {"- - \ta: b", "1:5", "YAML does not allow tabs as indentation"},
      {"a: b\tc: d", "1:7", "invalid YAML: illegal map value"},
      {"[a,\n\tb: @]", "2:5", "invalid YAML: unknown token"},
  };
  for (const Case& c : cases) {
    Parsed parsed = parse(c.text);
    EXPECT_EQ(parsed.root, nullptr) << c.text;
    ASSERT_TRUE(parsed.diagnostics.has_errors()) << c.text;
    EXPECT_EQ(parsed.diagnostics.items()[0].message, c.message) << c.text;
    EXPECT_EQ(place(parsed.diagnostics.items()[0].span), c.place) << c.text;
  }
}

TEST(YamlTree, ReportsAllDuplicatesWithTheFirstPlace) {
  Parsed parsed = parse("{a: {x: 1, x: 2}, b: 1, a: 2}");
  ASSERT_EQ(parsed.diagnostics.error_count(), 2);
  EXPECT_EQ(parsed.diagnostics.items()[0].notes, std::vector<std::string>{"first used at line 1, column 6"});
  std::string many = "k0: 0\n";
  for (int i = 0; i < 40; ++i) many += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(parse(many).diagnostics.error_count(), 1);
}

TEST(YamlTree, DeepNestingIsRefusedNotFatal) {
  for (int depth : {250, 5000, 1'000'000}) {
    EXPECT_EQ(parse(std::string(static_cast<std::size_t>(depth), '[')).root, nullptr);
    std::string mappings, dashes;
    for (int i = 0; i < std::min(depth, 20000); ++i) {
      mappings += "{a: ";
      dashes += "- ";
    }
    EXPECT_EQ(parse(mappings).root, nullptr);
    EXPECT_EQ(parse(dashes + "x").root, nullptr);
  }
  std::string nested = std::string(150, '[') + std::string(150, ']');
  EXPECT_NE(parse(nested).root, nullptr);
}

TEST(YamlTree, AliasesCannotGrowWithoutBound) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string from = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + from;
    for (int j = 0; j < 9; ++j) laughs += ", " + from;
    laughs += "]\n";
  }
  EXPECT_EQ(shown(laughs), "refused: aliases expand to more than 1000000 values");
  std::string deep = "- &a0 [x]\n";
  for (int i = 1; i < 1000; ++i) deep += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_EQ(shown(deep), "refused: values are nested more than 200 levels deep");
}

TEST(YamlTree, BuildersBoundTheDepth) {
  YamlPtr node = YamlNode::text({}, "x");
  for (int i = 1; i < kMaxYamlDepth; ++i) node = YamlNode::sequence({}, {node});
  EXPECT_EQ(node->depth(), kMaxYamlDepth);
  EXPECT_THROW((void)YamlNode::sequence({}, {node}), Error);
}

TEST(YamlTree, DescribesValues) {
  EXPECT_EQ(YamlNode::plain({}, "3")->describe(), "the number 3");
  EXPECT_EQ(YamlNode::plain({}, "abc")->describe(), "the string 'abc'");
  EXPECT_EQ(YamlNode::plain({}, "yes")->describe(), "the boolean yes");
  EXPECT_EQ(YamlNode::plain({}, "")->describe(), "null");
  EXPECT_EQ(YamlNode::text({}, "")->describe(), "an empty string");
  EXPECT_EQ(parse("[]").root->describe(), "an empty list");
  EXPECT_EQ(parse("{a: b}").root->describe(), "a mapping");
}

TEST(YamlTree, LongPlansAreFast) {
  std::string text = "transforms:\n";
  for (int i = 0; i < 50'000; ++i)
    text += "  - copy: {from: 'h." + std::to_string(i) + ".w', to: g." + std::to_string(i) + "}\n";
  auto start = std::chrono::steady_clock::now();
  Parsed parsed = parse(text);
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  ASSERT_NE(parsed.root, nullptr);
  EXPECT_EQ(parsed.root->find("transforms")->items().size(), 50'000u);
  EXPECT_LT(elapsed.count(), 20.0);  // 0.4 s; the limit is for what grows faster than the text
}

TEST(YamlTree, LongLinesAreFast) {
  std::string text = "[";
  for (int i = 0; i < 100'000; ++i) text += (i == 0 ? "" : ", ") + std::string(i % 2 == 0 ? "'x::[0:1]'" : "plain");
  const auto start = std::chrono::steady_clock::now();
  const Parsed parsed = parse(text + "]");
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  ASSERT_NE(parsed.root, nullptr);
  EXPECT_EQ(parsed.root->items().size(), 100'000u);
  EXPECT_LT(elapsed.count(), 20.0);  // 0.3 s; looking for the end of the line at every value takes minutes
}

TEST(YamlTree, UnderlinesUpToTheEndOfTheLine) {
  const auto length = [](const std::string& text) { return parse(text).root->items().front()->span().length; };
  EXPECT_EQ(length("[abc, d]"), 3);
  EXPECT_EQ(length("['a''b', d]"), 3);  // quotes that double end it
  EXPECT_EQ(length("[\"a\\\"b\", d]"), 6);
  EXPECT_EQ(length("['ab\n  cd', d]"), 3);
  EXPECT_EQ(length("[\"ab\\\n  cd\", d]"), 4);
  EXPECT_EQ(length("[a\n  b]"), 1);
}

}  // namespace
}  // namespace brainsurgery
