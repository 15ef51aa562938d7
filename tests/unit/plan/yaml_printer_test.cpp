#include "plan/yaml_printer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "plan/config_items.h"
#include "unit/plan/random_tree.h"

namespace brainsurgery {
namespace {

std::shared_ptr<const SourceText> source(std::string text) {
  return std::make_shared<SourceText>(SourceText{"plan.yaml", std::move(text)});
}

YamlPtr parse(const std::string& text) {
  Diagnostics diagnostics;
  YamlPtr root = parse_yaml(source(text), diagnostics);
  for (const Diagnostic& item : diagnostics.items()) ADD_FAILURE() << to_string(item);
  return root;
}

std::string reprinted(const std::string& text) { return print_yaml(*parse(text)); }

TEST(YamlPrinter, StyleOfTheSummary) {
  EXPECT_EQ(
      reprinted("transforms: [{copy: {from: 'h\\.(\\d+)\\.w', to: 'n'}}, {dump: {}}, {x: {shape: [2, 6], z: [[1, 2], "
                "[], {a: 1, b: ~}]}}]"),
      "transforms:\n- copy:\n    from: h\\.(\\d+)\\.w\n    to: 'n'\n- dump: {}\n- x:\n    shape:\n    - 2\n    - 6\n"
      "    z:\n    - - 1\n      - 2\n    - []\n    - a: 1\n      b: null\n");
  EXPECT_EQ(reprinted(""), "null\n");
  EXPECT_EQ(reprinted("{}"), "{}\n");
  EXPECT_EQ(reprinted("[]"), "[]\n");
  EXPECT_EQ(reprinted("abc"), "abc\n");
}

TEST(YamlPrinter, NumbersByValue) {
  EXPECT_EQ(
      reprinted("[0x10, 1e3, yes, 1:30, .inf, -.INF, .nan, 1e20, 1e-7, 0.1, -0.0, !!float 3, 99999999999999999999]"),
      "- 16\n- 1000.0\n- true\n- 90\n- .inf\n- -.inf\n- .nan\n- 1.0e+20\n- 1.0e-07\n- 0.1\n- -0.0\n- 3.0\n- "
      "99999999999999999999\n");
}

TEST(YamlPrinter, KeysKeepTheirText) {
  EXPECT_EQ(reprinted("{0x10: a, yes: b, '3': c, !!float 3.0: d, '': e, '<<': f, 'a: b': g}"),
            "0x10: a\nyes: b\n'3': c\n3.0: d\n'': e\n'<<': f\n'a: b': g\n");
}

TEST(YamlPrinter, QuotesWhatWouldBeReadOtherwise) {
  EXPECT_EQ(reprinted("['yes', \"it's\", \"it's: so\", 'a #b', \"a\\nb\", \"a\\tb\\x01\\e\", '1e3', '2020-01-01', "
                      "'?x', '-x', '\"']"),
            "- 'yes'\n- it's\n- 'it''s: so'\n- 'a #b'\n- \"a\\nb\"\n- \"a\\tb\\x01\\e\"\n- '1e3'\n- '2020-01-01'\n- "
            "?x\n- -x\n- '\"'\n");
  EXPECT_EQ(print_yaml(*YamlNode::untyped({}, "[2, 3]")), "'[2, 3]'\n");
}

TEST(YamlPrinter, EveryTextReadsBack) {
  for (const std::string& text : nasty_texts()) {
    SCOPED_TRACE(text);
    const YamlPtr value = YamlNode::text({}, text);
    const YamlPtr tree =
        YamlNode::mapping({}, {{value, YamlNode::sequence({}, {value, YamlNode::mapping({}, {{value, value}})})}});
    const std::string printed = print_yaml(*tree);
    const YamlPtr read = parse(printed);
    ASSERT_NE(read, nullptr) << printed;
    EXPECT_TRUE(same_value(*tree, *read)) << printed;
    const YamlPtr alone = parse(print_yaml(*value));
    ASSERT_NE(alone, nullptr) << printed;
    EXPECT_TRUE(same_value(*value, *alone)) << print_yaml(*value);
  }
}

// Recorded from the Python program's dumper (tests/tools/make_yaml_text_cases.py).
TEST(YamlPrinter, SpellsTextsAsOmegaConf) {
  std::ifstream file(BS_TEST_DATA "/unit/plan/data/yaml_texts.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    const std::size_t tab = line.find('\t');
    std::string text;
    for (std::size_t at = 0; at < tab; at += 2) text += static_cast<char>(std::stoi(line.substr(at, 2), nullptr, 16));
    EXPECT_EQ(print_yaml(*YamlNode::text({}, text)), line.substr(tab + 1) + "\n");
  }
  EXPECT_GT(cases, 1000);
}

TEST(YamlPrinter, RandomTreesReadBack) {
  RandomTrees random(1);
  for (int i = 0; i < 4000; ++i) {
    const YamlPtr tree = random.tree(5, false);
    const std::string printed = print_yaml(*tree);
    const YamlPtr read = parse(printed);
    ASSERT_NE(read, nullptr) << printed;
    ASSERT_TRUE(same_value(*tree, *read)) << printed;
    ASSERT_EQ(print_yaml(*read), printed);
  }
}

TEST(YamlPrinter, DeepestTrees) {
  YamlPtr list = YamlNode::plain({}, "1"), map = list;
  for (int level = 1; level < kMaxYamlDepth; ++level) {
    list = YamlNode::sequence({}, {list});
    map = YamlNode::mapping({}, {{YamlNode::text({}, "k"), level % 2 == 0 ? map : YamlNode::sequence({}, {map})}});
    if (map->depth() + 1 >= kMaxYamlDepth) break;
  }
  EXPECT_TRUE(same_value(*parse(print_yaml(*list)), *list));
  EXPECT_TRUE(same_value(*parse(print_yaml(*map)), *map));
}

TEST(YamlPrinter, RefusesWhatYamlCannotHold) {
  EXPECT_THROW((void)print_yaml(*YamlNode::text({}, "a\xff")), Error);
  const auto with_key = [](std::size_t bytes) {
    return YamlNode::mapping({}, {{YamlNode::text({}, std::string(bytes, 'k')), YamlNode::null({})}});
  };
  EXPECT_THROW((void)print_yaml(*with_key(kMaxYamlKeyBytes + 1)), Error);
  EXPECT_NE(parse(print_yaml(*with_key(kMaxYamlKeyBytes))), nullptr);
  // Four bytes each, ten where they are escaped: more than a reader takes for a key.
  std::string escapes;
  for (int i = 0; i < 120; ++i) escapes += "\xF3\x8B\x8D\x9E";
  YamlEntries entries{{YamlNode::text({}, "\t" + escapes), YamlNode::text({}, "x")}};
  EXPECT_THROW((void)print_yaml(*YamlNode::mapping({}, std::move(entries))), Error);
}

TEST(YamlTree, SameValueTellsApart) {
  const std::vector<std::string> different = {"~",
                                              "true",
                                              "false",
                                              "1",
                                              "2",
                                              "1.0",
                                              "-0.0",
                                              "0.0",
                                              "'1'",
                                              "''",
                                              "[]",
                                              "{}",
                                              "[1]",
                                              "[1, 2]",
                                              "{a: 1}",
                                              "{b: 1}",
                                              "{a: 2}",
                                              "{a: 1, b: 2}",
                                              "99999999999999999999",
                                              ".nan"};
  for (const std::string& a : different) {
    for (const std::string& b : different) EXPECT_EQ(same_value(*parse(a), *parse(b)), a == b) << a << " " << b;
  }
  EXPECT_TRUE(same_value(*parse("[0x10, yes, x, ~, 1e3]"), *parse("[16, true, 'x', null, 1000.0]")));
}

Plan plan_of(const std::string& text) {
  Diagnostics diagnostics;
  const std::optional<Config> config = read_config({{ConfigItem::Kind::file, source(text)}}, {}, diagnostics);
  Plan plan;
  if (config) plan = parse_plan(config->root, config->referred_keys, diagnostics);
  for (const Diagnostic& item : diagnostics.items()) ADD_FAILURE() << to_string(item) << "\n" << text;
  return plan;
}

void expect_same(const Plan& a, const Plan& b) {
  ASSERT_EQ(a.inputs.size(), b.inputs.size());
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    EXPECT_EQ(a.inputs[i].alias, b.inputs[i].alias);
    EXPECT_EQ(a.inputs[i].path, b.inputs[i].path);
  }
  ASSERT_EQ(a.steps.size(), b.steps.size());
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    EXPECT_EQ(a.steps[i].command, b.steps[i].command);
    const YamlNode& x = *a.steps[i].payload;
    const YamlNode& y = *b.steps[i].payload;
    EXPECT_TRUE(same_value(x, y) || (x.is_null() && y.is_mapping() && y.entries().empty()));
  }
  ASSERT_EQ(a.output.has_value(), b.output.has_value());
  if (!a.output) return;
  EXPECT_EQ(a.output->path, b.output->path);
  EXPECT_EQ(a.output->format, b.output->format);
  EXPECT_EQ(a.output->shard, b.output->shard);
  EXPECT_EQ(a.output->model, b.output->model);
  EXPECT_EQ(a.output->overwrite, b.output->overwrite);
  EXPECT_EQ(a.output->tied, b.output->tied);
}

TEST(PlanPrinter, PlansReadBack) {
  for (const std::string text :
       {"{}", "inputs: [a.safetensors]\noutput: b.safetensors", "inputs: ['a::x y', 'n::C:\\z', 'c::d::e']",
        "transforms: [exit, {copy: {from: [h, $i, '*r'], to: [g, '${i}']}}, {dump: }, {help: copy}, {'<<': {a: '='}}]",
        "output: {path: o, format: torch, shard: none, model: 'yes', overwrite: no}",
        "output: {path: 'null', shard: 5GB, tied: drop}", "output: {path: o, tied: keep}"}) {
    SCOPED_TRACE(text);
    const Plan plan = plan_of(text);
    expect_same(plan, plan_of(print_plan(plan)));
  }
  EXPECT_EQ(print_plan(plan_of("{inputs: [a], transforms: exit, output: {path: o}}")),
            "inputs:\n- model::a\ntransforms:\n- exit: {}\noutput: o\n");
}

}  // namespace
}  // namespace brainsurgery
