#include "plan/config_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "plan/field_values.h"
#include "plan/plan_file.h"
#include "plan/yaml_edit.h"

namespace brainsurgery {
namespace {

using testing::HasSubstr;

// {a: [1, 'x', ~u]}: strings in quotes, untyped texts with a tilde.
std::string shown(const YamlNode& node) {
  std::string result;
  for (const YamlPtr& item : node.items()) result += (result.empty() ? "" : ", ") + shown(*item);
  for (const auto& [key, value] : node.entries())
    result += (result.empty() ? "" : ", ") + key->text() + ": " + shown(*value);
  if (node.is_sequence()) return "[" + result + "]";
  if (node.is_mapping()) return "{" + result + "}";
  if (node.is_null()) return "null";
  if (node.is_untyped()) return "~" + node.text();
  return node.is_string() ? "'" + node.text() + "'" : node.text();
}

struct Read {
  std::optional<Config> config;
  Diagnostics diagnostics;
  std::string result;  // the tree, or the errors, a line each

  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> texts;
    for (const Diagnostic& item : diagnostics.items()) {
      if (item.severity == Severity::warning) texts.push_back(item.message);
    }
    return texts;
  }
};

using Environment = std::map<std::string, std::string>;

// Items whose '=' comes before any ": " are arguments, the others files.
Read read(const std::vector<std::string>& items, Environment environment = {}) {
  std::vector<ConfigItem> all;
  for (const std::string& text : items) {
    const bool file = std::min(text.find(": "), text.size()) <= std::min(text.find('='), text.size());
    const std::string name = (file ? "plan " : "argument ") + std::to_string(all.size() + 1);
    all.push_back({file ? ConfigItem::Kind::file : ConfigItem::Kind::assignment,
                   std::make_shared<const SourceText>(SourceText{name, text})});
  }
  Read read;
  const VariableLookup look_up = [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  read.config = read_config(all, look_up, read.diagnostics);
  if (read.config) read.result = shown(*read.config->root);
  for (const Diagnostic& item : read.diagnostics.items()) {
    if (item.severity == Severity::error && !read.config) read.result += item.message + "\n";
  }
  EXPECT_EQ(read.config.has_value(), !read.diagnostics.has_errors());
  return read;
}

std::string result(const std::vector<std::string>& items, Environment environment = {}) {
  return read(items, std::move(environment)).result;
}

TEST(ConfigItems, MergesFilesByPlace) {
  const std::string base = "transforms: [{copy: {from: a, to: b}}]";
  EXPECT_EQ(result({}), "{}");
  EXPECT_EQ(result({""}), "{}");
  EXPECT_EQ(result({"abc"}), "{abc: null}");
  EXPECT_EQ(result({base, "transforms: [null, {dump: {}}]"}),
            "{transforms: [{copy: {from: 'a', to: 'b'}}, {dump: {}}]}");
  EXPECT_EQ(result({base, "transforms: [{copy: {to: c}}, {delete: {target: s}}]"}),
            "{transforms: [{copy: {from: 'a', to: 'c'}}, {delete: {target: 's'}}]}");
  EXPECT_EQ(result({base, "transforms: [{dump: {}}]"}), "{transforms: [{copy: {from: 'a', to: 'b'}, dump: {}}]}")
      << "refused later: two commands";
  EXPECT_EQ(result({base, "output: q", "transforms: x"}), "{transforms: 'x', output: 'q'}");
  EXPECT_EQ(result({"a: {b: [1, [2, 3]], c: 4}", "a: {b: [null, [null, 5], 6], d: null}"}),
            "{a: {b: [1, [2, 5], 6], c: 4, d: null}}");
  EXPECT_EQ(result({"a: 1", "a: null"}), "{a: null}") << "only entries of lists are kept by null";
}

TEST(ConfigItems, AppliesArgumentsInTheirOrder) {
  const std::string base = "transforms: [{copy: {from: a, to: b}}]";
  EXPECT_EQ(result({base, "transforms[0].copy.to=c"}), "{transforms: [{copy: {from: 'a', to: ~c}}]}");
  EXPECT_EQ(result({base, "transforms[1].dump.format=tree"}),
            "{transforms: [{copy: {from: 'a', to: 'b'}}, {dump: {format: ~tree}}]}");
  EXPECT_EQ(result({base, "transforms[2]=exit"}), "{transforms: [{copy: {from: 'a', to: 'b'}}, null, ~exit]}");
  EXPECT_EQ(result({"output: {path: p, shard: 1GB}", "output=q"}), "{output: ~q}");
  EXPECT_EQ(result({"output.path=x.pt"}), "{output: {path: ~x.pt}}");
  EXPECT_EQ(result({"output: p", "output.path=x"}), "{output: {path: ~x}}") << "what is no mapping is replaced";
  EXPECT_EQ(result({"a=1", "a: 2"}), "{a: 2}") << "a later file wins";
  EXPECT_EQ(result({"a=1", "a=2", "b="}), "{a: ~2, b: ~}");
  EXPECT_EQ(result({"a: [1, 2]", "a.0.b=3"}), "{a: {0: {b: ~3}}}") << "0 is a key";
  EXPECT_EQ(result({"a={b: [1]}", "a.b[1]=2"}), "{a: {b: [1, ~2]}}");
  EXPECT_EQ(result({"a=[1, 2]", "a: [null, 3]"}), "{a: [1, 3]}");
  EXPECT_EQ(result({"a={b: [1]}", "c=${a.b[0]}"}), "{a: ~{b: [1]}, c: 1}");
  EXPECT_THAT(result({"a={b: 1", "a.c=2"}), HasSubstr("invalid YAML"));
  EXPECT_EQ(result({"a[0][1]=x=y"}), "{a: [[null, ~x=y]]}");
}

// The files first, then a step for each line.
std::string with_steps(const std::vector<std::string>& files, const std::vector<std::string>& lines) {
  std::vector<ConfigItem> items;
  const auto add = [&](ConfigItem::Kind kind, const std::string& text) {
    items.push_back({kind, std::make_shared<const SourceText>(SourceText{"item", text})});
  };
  for (const std::string& text : files)
    add(text.find(": ") < text.find('=') ? ConfigItem::Kind::file : ConfigItem::Kind::assignment, text);
  for (const std::string& text : lines) add(ConfigItem::Kind::step, text);
  Diagnostics diagnostics;
  const std::optional<Config> config = read_config(items, {}, diagnostics);
  return config ? shown(*config->root) : diagnostics.items().front().message;
}

TEST(ConfigItems, AppendsSteps) {
  EXPECT_EQ(with_steps({}, {"exit", "copy: from: a, to: b"}),
            "{transforms: [{exit: {}}, {copy: {from: 'a', to: 'b'}}]}");
  EXPECT_EQ(with_steps({"{transforms: [dump], output: o}"}, {"exit"}),
            "{transforms: ['dump', {exit: {}}], output: 'o'}");
  EXPECT_EQ(with_steps({"transforms: {dump: {}}"}, {"exit"}), "{transforms: [{dump: {}}, {exit: {}}]}")
      << "a single step";
  EXPECT_EQ(with_steps({"transforms: dump"}, {"exit"}), "{transforms: ['dump', {exit: {}}]}");
  EXPECT_EQ(with_steps({"transforms: ~"}, {"exit"}), "{transforms: [{exit: {}}]}");
  EXPECT_EQ(with_steps({"transforms=[dump]"}, {"exit"}), "{transforms: ['dump', {exit: {}}]}");
  EXPECT_EQ(with_steps({"x-s: 2"}, {"a: b: ${x-s}, c: [${i}]"}), "{x-s: 2, transforms: [{a: {b: 2, c: ['${i}']}}]}")
      << "interpolated like any step";
  EXPECT_EQ(with_steps({}, {"a b"}), "expected ':' after 'a' at position 2");
}

TEST(ConfigItems, SharesWhatAnArgumentDoesNotTouch) {
  Diagnostics diagnostics;
  const YamlPtr before =
      parse_yaml(std::make_shared<const SourceText>(SourceText{"p", "a: {b: [1]}\nc: {d: 2}\n"}), diagnostics);
  const Assignment assignment =
      parse_assignment(std::make_shared<const SourceText>(SourceText{"argument 2", "a.x[1].y=1"}));
  EXPECT_EQ(to_string(assignment.path), "a.x[1].y");
  const YamlPtr after = with_assignment(before, assignment);
  EXPECT_EQ(shown(*before), "{a: {b: [1]}, c: {d: 2}}");
  EXPECT_EQ(shown(*after), "{a: {b: [1], x: [null, {y: ~1}]}, c: {d: 2}}");
  EXPECT_EQ(after->find("c"), before->find("c"));
  EXPECT_EQ(after->find("a")->find("b"), before->find("a")->find("b"));
}

TEST(ConfigItems, RefusesMalformedItems) {
  const std::vector<std::pair<std::string, std::string>> table{{"=3", "empty"},
                                                               {"[0]=3", "must start with a key"},
                                                               {"a[x]=3", "an index is a number"},
                                                               {"a[]=3", "an index is a number"},
                                                               {"a[-1]=3", "an index is a number"},
                                                               {"a[1=3", "an index is a number"},
                                                               {"a..b=3", "a key is empty"},
                                                               {".a=3", "a key is empty"},
                                                               {"a.=3", "a key is empty"},
                                                               {"a[0]b=3", "unexpected 'b'"},
                                                               {"a b=3", "unexpected ' '"},
                                                               {"a[99999999999999999999]=3", "an index is a number"},
                                                               {"a[2000]=1", "far beyond"},
                                                               {"a=\x01", "control"},
                                                               {"a=\xff", "UTF-8"}};
  for (const auto& [item, message] : table) {
    const Read bad = read({item});
    EXPECT_FALSE(bad.config) << item;
    EXPECT_THAT(bad.result, HasSubstr(message)) << item;
    EXPECT_EQ(bad.diagnostics.items().front().span.source->name, "argument 1") << item;
  }
  EXPECT_THAT(result({"- a: 1"}), HasSubstr("a plan is a mapping"));
  EXPECT_THAT(result({"a: [1", "b..=2"}), HasSubstr("a key is empty")) << "every item's mistakes are reported";
  std::string deep = "a";
  for (int i = 0; i < 300; ++i) deep += ".a";
  EXPECT_THAT(result({deep + "=1"}), HasSubstr("200"));
}

TEST(ConfigItems, PlacesOfArguments) {
  const Read one = read({"a: 1", "b.c[0]=${nope}"});
  ASSERT_EQ(one.diagnostics.error_count(), 1);
  const SourceSpan& span = one.diagnostics.items()[0].span;
  EXPECT_EQ(span.source->name, "argument 2");
  EXPECT_EQ(span.column, 8);
  EXPECT_EQ(span.length, 7);
}

TEST(ConfigItems, ReadsUntypedTextsWithTheirPlace) {
  const Read one = read({"x-s=[2, {a: 017}]"});
  const YamlPtr list = parse_untyped(*one.config->root->find("x-s"));
  EXPECT_EQ(shown(*list), "[2, {a: 017}]");
  EXPECT_EQ(list->items()[1]->find("a")->integer(), 15);
  EXPECT_EQ(list->items()[1]->find("a")->span().column, 13);
  for (const auto& [text, meaning] : std::vector<std::pair<std::string, std::string>>{
           {"", "null"}, {"1e-6", "1e-6"}, {"'3'", "'3'"}, {"true", "true"}, {"a b", "'a b'"}}) {
    EXPECT_EQ(shown(*parse_untyped(*YamlNode::untyped({}, text))), meaning);
  }
  for (const char* bad : {"[1", ",", "{a: 1, a: 2}", "[x, , y]", "\x01"})
    EXPECT_THROW((void)parse_untyped(*YamlNode::untyped({}, bad)), Error) << bad;
}

struct Case {
  std::string text;
  std::string value;  // of `v`
};

TEST(Interpolation, ReplacesReferences) {
  const std::string keys = "k: {a: [1, two, [3]], b: yes, name: a, n: null}\nx-i: 1\nlink: '${k}'\n";
  const std::vector<Case> table{{"${k.b}", "yes"},
                                {"${k.a[0]}", "1"},
                                {"${k.a[1]}", "'two'"},
                                {"${k.a}", "[1, 'two', [3]]"},
                                {"${k.a.2[0]}", "3"},
                                {"${k[a][1]}", "'two'"},
                                {"${k.n}", "null"},
                                {"<${k.a[1]}-${x-i}>", "'<two-1>'"},
                                {"${k.${k.name}[${x-i}]}", "'two'"},
                                {"${link.a[1]}", "'two'"},
                                {"${ k.b }", "yes"},
                                {"${.k.b}", "yes"},
                                {"\\${k.b}", "'${k.b}'"},
                                {"\\${k.${k.name}}", "'${k.a}'"},
                                {"a\\\\${k.b}", "'a\\yes'"},
                                {"\\\\\\${k}", "'\\${k}'"},
                                {"\\d+\\.(x)$", "'\\d+\\.(x)$'"},
                                {"$x {y} $", "'$x {y} $'"},
                                {"'${k.b}!'", "''yes!''"}};
  for (const Case& row : table) {
    const Read one = read({keys, "v=" + row.text});
    ASSERT_TRUE(one.config) << row.text << ": " << one.result;
    std::string value = shown(*one.config->root->find("v"));
    if (value.starts_with("~")) value = "'" + value.substr(1) + "'";
    EXPECT_EQ(value, row.value) << row.text;
  }
}

TEST(Interpolation, WorksInQuotesAndBlocksAndRelatively) {
  EXPECT_EQ(result({"a: {b: 1, c: ['${..b}', '${.[0]}x', \"${a.b}\"], d: '${.b}', e: {f: '${..d}'}}"}),
            "{a: {b: 1, c: [1, '1x', 1], d: 1, e: {f: 1}}}");
  EXPECT_EQ(result({"a: {c: |\n    ${b}!\n}\nb: 2"}).find("invalid YAML"), 0u);
  EXPECT_EQ(result({"a: |-\n  ${b}!\nb: 2"}), "{a: '2!', b: 2}");
  EXPECT_EQ(result({"base: &b {p: '${.q}', q: 1}\nother: {<<: *b, q: 2}\ncopy: *b"}),
            "{base: {p: 1, q: 1}, other: {p: 2, q: 2}, copy: {p: 1, q: 1}}")
      << "a shared node means something else at each place";
}

TEST(Interpolation, ReadsTheEnvironment) {
  const Environment environment{{"N", "4"}, {"L", "[1, 2]"}, {"E", ""}, {"BAD", "\x1b["}};
  const std::vector<Case> table{
      {"${oc.env:N}", "~4"},         {"n${oc.env:N}", "'n4'"},         {"${oc.env:L}", "~[1, 2]"},
      {"${oc.env:E,x}", "~"},        {"${oc.env:NO,x}", "~x"},         {"${oc.env:NO, a b }", "~a b"},
      {"${oc.env: N , 1}", "~4"},    {"${oc.env:NO,'a, }'}", "~a, }"}, {"${oc.env:NO,${k}}", "~v"},
      {"${oc.env:NO,null}", "null"}, {"${oc.env:NO,'null'}", "~null"}, {"${oc.env:NO,}", "~"},
      {"${oc.env:${name}}", "~4"}};
  for (const Case& row : table) {
    const Read one = read({"k: v\nname: N\nx: \"" + row.text + "\"\n"}, environment);
    ASSERT_TRUE(one.config) << row.text << ": " << one.result;
    EXPECT_EQ(shown(*one.config->root->find("x")), row.value) << row.text;
  }
  EXPECT_THAT(result({"x: ${oc.env:NO}"}, environment), HasSubstr("'NO' is not set"));
  EXPECT_THAT(result({"x: ${oc.env:BAD}"}, environment), HasSubstr("not a valid string in a plan"));
}

TEST(Interpolation, RefusesWhatItCannotDo) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"x: ${nope}", "unknown key 'nope'"},
      {"x: ${k.z}", "unknown key 'z'"},
      {"x: ${k.a[7]}", "no entry '7'; it has 2"},
      {"x: ${k.s.t}", "cannot look for 't'"},
      {"x: a${k}", "cannot be part of a string"},
      {"x: a${k.n}", "cannot be part of a string"},
      {"x: ${x}", "refers to itself: x -> x"},
      {"x: ${y}\ny: [1, '${x}']", "refers to itself"},
      {"x: {a: '${x}'}", "refers to itself"},
      {"x: \?\?\?", "the value of 'x' is missing"},
      {"x: ['\?\?\?']", "the value of 'x[0]' is missing"},
      {"x: ${oc.decode:1}", "unknown resolver 'oc.decode'"},
      {"x: ${oc.env:A,B,C}", "a name and a default"},
      {"x: '${oc.env:}'", "name is empty"},
      {"x: ${k", "is not closed"},
      {"x: '${oc.env:A'", "is not closed"},
      {"x: '${oc.env:A,''b}'", "is not closed"},
      {"x: ${}", "not a valid path"},
      {"x: ${.}", "not a valid path"},
      {"x: ${a..b}", "not a valid path"},
      {"x: ${a.}", "not a valid path"},
      {"x: ${a[0}", "not a valid path"},
      {"x: ${a b}", "not a valid path"},
      {"x: ${...k}", "above the plan's top level"},
      {"output: ${k.nope}", "unknown key 'nope'"}};
  for (const auto& [text, message] : table) {
    const Read bad = read({"k: {a: [1, 2], s: text, n: null}\n" + text + "\n"});
    EXPECT_FALSE(bad.config) << text;
    EXPECT_THAT(bad.result, HasSubstr(message)) << text;
  }
  EXPECT_EQ(read({"x: ${nope}\ny: ${x}\nz: ['${x}', '${nope2}']"}).diagnostics.error_count(), 2)
      << "each mistake once, where it stands";
}

TEST(Interpolation, IsBounded) {
  std::string doubling = "x0: [a, a, a, a, a, a, a, a, a, a]\n", texts = "x0: aaaaaaaaaa\n", chain = "x0: 1\n",
              nested = "x: ";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "${x" + std::to_string(i - 1) + "}";
    doubling += "x" + std::to_string(i) + ": ['" + before + "', '" + before + "']\n";
    texts += "x" + std::to_string(i) + ": '" + before + before + "'\n";
  }
  for (int i = 3000; i > 0; --i) chain += "x" + std::to_string(i) + ": ${x" + std::to_string(i - 1) + "}\n";
  for (int i = 0; i < 10000; ++i) nested += "${";
  EXPECT_THAT(result({doubling}), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(result({texts}), HasSubstr("bytes of text"));
  EXPECT_THAT(result({chain}), HasSubstr("nested more than 200 deep"));
  EXPECT_THAT(result({nested}), HasSubstr("nested more than 20 deep"));
  std::string deep = "x0: {a: 1}\n";
  for (int i = 1; i < 250; ++i) deep += "x" + std::to_string(i) + ": {a: '${x" + std::to_string(i - 1) + "}'}\n";
  EXPECT_THAT(result({deep}), HasSubstr("200"));
}

TEST(Interpolation, LeavesCapturesToThePatterns) {
  EXPECT_EQ(result({"transforms: [{copy: {from: [h, $i], to: [k, '${i}', 'x${i}', '\\${i}', '\\${i}${p}']}}]\np: 1"}),
            "{transforms: [{copy: {from: ['h', '$i'], to: ['k', '${i}', 'x${i}', '${i}', '${i}1']}}], p: 1}");
  EXPECT_EQ(result({"transforms: {copy: {from: [$i], to: ['${i}']}}"}),
            "{transforms: {copy: {from: ['$i'], to: ['${i}']}}}");
  EXPECT_EQ(result({"transforms: [{execute: 'copy: from: [h, $i], to: [k, ${i}]'}]"}),
            "{transforms: [{execute: 'copy: from: [h, $i], to: [k, ${i}]'}]}");
  EXPECT_EQ(result({"transforms: [{copy: {from: [$i], to: a}}]", "transforms[0].copy.to=[k, '${i}']"}),
            "{transforms: [{copy: {from: ['$i'], to: ~[k, '${i}']}}]}");
  const Read wins =
      read({"i: 7\nj: 8\ntransforms: [{copy: {from: ['~i,k::(a)(b)', '*j'], to: ['${i}', '${j}']}}, {copy: {from: [a], "
            "to: ['x${i}']}}]"});
  EXPECT_EQ(wins.result,
            "{i: 7, j: 8, transforms: [{copy: {from: ['~i,k::(a)(b)', '*j'], to: [7, 8]}}, {copy: {from: ['a'], to: "
            "['x7']}}]}");
  EXPECT_EQ(wins.warnings().size(), 2u);
  EXPECT_THAT(wins.warnings().front(), HasSubstr("the plan's key 'i' here, not the capture"));
}

// Whether an unknown name is a mistake is known where the field is decoded.
TEST(Interpolation, KeepsTheMistakeOfANameForTheFieldThatTakesIt) {
  const Read names = read({"p: 1\ntransforms: [{copy: {from: [h, $i], to: '${i}.${p}'}}, '${i}']"});
  ASSERT_TRUE(names.config);
  const YamlNode& copy = *names.config->root->find("transforms")->items()[0]->find("copy");
  Diagnostics mistakes;
  report_unexplained_names(copy, mistakes);
  ASSERT_EQ(mistakes.error_count(), 1);
  EXPECT_EQ(mistakes.items()[0].message, "'${i}': unknown key 'i'");
  EXPECT_FALSE(report_unexplained_names(*read({"transforms: [[k, '${i}']]"}).config->root->find("transforms")->items()[0],
                                        *reference_type(roles::source()), mistakes));
  EXPECT_FALSE(report_unexplained_names(*copy.find("to"), *scalar(Scalar::plan_text), mistakes));
  EXPECT_FALSE(report_unexplained_names(*copy.find("to"), *reference_type(roles::created()), mistakes));
  EXPECT_TRUE(report_unexplained_names(*copy.find("to"), *reference_type(roles::created_literal()), mistakes));
  Diagnostics of_plan;
  EXPECT_EQ(parse_plan(names.config->root, {}, of_plan).steps.size(), 2u);
  EXPECT_EQ(of_plan.error_count(), 1) << "a step's name is none";
}

TEST(Interpolation, TellsWhichKeysAreInUse) {
  Read used = read({"dir: out\nspare: 1\ninput: 3\noutput: '${dir}/${input}'"});
  EXPECT_EQ(used.config->referred_keys, (std::set<std::string, std::less<>>{"dir", "input"}));
  const Plan plan = parse_plan(used.config->root, used.config->referred_keys, used.diagnostics);
  EXPECT_EQ(plan.output->path, "out/3");
  EXPECT_FALSE(used.diagnostics.has_errors()) << "'input' is a variable here, no misspelt key";
  EXPECT_EQ(used.warnings(), std::vector<std::string>{"key 'spare' of the plan is not used"});
}

TEST(PlanFile, ReadsUntypedTextsAsTheirPlaceWants) {
  Read given = read({"inputs=[a::x, b::y]", "output.path=[o]", "output.overwrite=false",
                     "transforms[0]={delete: {target: a::s}}", "transforms[1]=exit",
                     "transforms[2].copy={from: 'a::1', to: 'a::2'}"});
  ASSERT_TRUE(given.config);
  const Plan plan = parse_plan(given.config->root, {}, given.diagnostics);
  EXPECT_FALSE(given.diagnostics.has_errors());
  ASSERT_EQ(plan.inputs.size(), 2u);
  EXPECT_EQ(plan.inputs[1].path, "y");
  EXPECT_EQ(plan.output->path, "[o]") << "a path is a text";
  EXPECT_EQ(plan.output->overwrite, false);
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[0].command, "delete");
  EXPECT_EQ(plan.steps[1].command, "exit");
  EXPECT_EQ(shown(*plan.steps[2].payload), "{from: 'a::1', to: 'a::2'}");
}

}  // namespace
}  // namespace brainsurgery
