#include "brainsurgery/tensor_ref.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

TensorRef parse(const std::string& text, bool has_default = true) {
  return parse_tensor_ref(text, {}, "copy.from", has_default);
}

TensorRef parse_yaml_ref(const std::string& yaml, bool has_default = true) {
  Diagnostics diagnostics;
  YamlPtr node = parse_yaml(std::make_shared<SourceText>(SourceText{"plan.yaml", yaml}), diagnostics);
  return parse_tensor_ref(*node, "copy.from", has_default);
}

template <typename Parse>
std::string refusal(Parse parse_it) {
  try {
    (void)parse_it();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return error.what();
  }
  return "accepted";
}

TEST(TensorRef, SplitsTextAtDoubleColons) {
  struct Case {
    std::string text;
    bool has_default;
    std::string alias, expr, slice;  // "-": none
  };
  const std::vector<Case> cases = {
      {"ln.w", true, "-", "ln.w", "-"},
      {"a::ln.w", true, "a", "ln.w", "-"},
      {"a::ln.w", false, "a", "ln.w", "-"},
      {"::ln.w", true, "-", "ln.w", "-"},
      {"ln.w::[0]", true, "-", "ln.w", "[0]"},
      {"ln.w::[0]", false, "ln.w", "[0]", "-"},  // without a default alias two parts are alias and name
      {"a::ln.w::[0:2, 1]", true, "a", "ln.w", "[0:2, 1]"},
      {"::ln.w::[0]", true, "-", "ln.w", "[0]"},
      {"a::ln.w::[]", false, "a", "ln.w", "[]"},
      {"x::[::2]", true, "-", "x", "[::2]"},
      {"a::x::[1::2, :]", false, "a", "x", "[1::2, :]"},
      {"a::x[::2]", true, "-", "-", "-"},
      {"h\\.(\\d+)\\.[ab]", true, "-", "h\\.(\\d+)\\.[ab]", "-"},
      {"a::[ab]x", true, "a", "[ab]x", "-"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    if (c.expr == "-") {
      EXPECT_THROW((void)parse(c.text, c.has_default), Error);
      continue;
    }
    TensorRef ref = parse(c.text, c.has_default);
    EXPECT_EQ(ref.alias.value_or("-"), c.alias);
    EXPECT_EQ(ref.expr, c.expr);
    EXPECT_EQ(ref.slice ? ref.slice->text : "-", c.slice);
    EXPECT_EQ(ref.text, c.text);
    EXPECT_FALSE(ref.structured);
  }
}

TEST(TensorRef, PrintsWhatItRead) {
  for (const char* text : {"ln.w", "a::ln.w", "a::ln.w::[0:2]", "ln.w::[1]"}) EXPECT_EQ(to_string(parse(text)), text);
  EXPECT_EQ(to_string(parse_yaml_ref("[h, $i, '*rest', '0']")), "[h, $i, *rest, 0]");
  TensorRef ref = parse_yaml_ref("[h, $i]");
  ref.alias = "ft";
  EXPECT_EQ(to_string(ref), "ft::[h, $i]");
}

TEST(TensorRef, ReadsLists) {
  TensorRef ref = parse_yaml_ref("[h, $i, '0']");
  EXPECT_TRUE(ref.structured);
  EXPECT_EQ(ref.tokens, (std::vector<std::string>{"h", "$i", "0"}));
  EXPECT_FALSE(ref.alias);
  EXPECT_FALSE(ref.slice);
}

TEST(TensorRef, SaysWhatIsWrong) {
  auto text = [](const std::string& value, bool has_default = true) {
    return refusal([&] { return parse(value, has_default); });
  };
  EXPECT_EQ(text("a::b::c::[0]"),
            "copy.from: too many '::' parts in 'a::b::c::[0]'; write alias::name or alias::name::[slice]");
  EXPECT_EQ(text(""), "copy.from: empty reference");
  EXPECT_EQ(text("a::"), "copy.from: empty reference: 'a::' names no tensor");
  EXPECT_EQ(text("a::b::c"), "copy.from: the third part of 'a::b::c' must be a slice in brackets, not 'c'");
  EXPECT_EQ(text("ln.w", false), "copy.from: 'ln.w' does not name an alias, and the plan has no default alias");
  EXPECT_EQ(text("::ln.w", false), "copy.from: '::ln.w' does not name an alias, and the plan has no default alias");
  std::string slice = text("x::[a]");
  EXPECT_TRUE(slice.starts_with("copy.from: ")) << slice;
  EXPECT_TRUE(slice.ends_with(" in 'x::[a]'")) << slice;

  auto yaml = [](const std::string& value, bool has_default = true) {
    return refusal([&] { return parse_yaml_ref(value, has_default); });
  };
  EXPECT_EQ(yaml("3"), "copy.from: a reference must be a string or a list of strings, not the number 3");
  EXPECT_EQ(yaml("{a: b}"), "copy.from: a reference must be a string or a list of strings, not a mapping");
  EXPECT_EQ(yaml("[]"), "copy.from: empty reference: the list has no entries");
  EXPECT_EQ(yaml("[h, 0, w]"), "copy.from: list entries must be strings, not the number 0");
  EXPECT_EQ(yaml("[h, on]"), "copy.from: list entries must be strings, not the boolean on");
  EXPECT_EQ(yaml("[h, '']"), "copy.from: list entries must not be empty");
  EXPECT_EQ(yaml("[h, w]", false),
            "copy.from: the list [h, w] cannot name an alias, and the plan has no default alias");
}

TEST(TensorRef, PointsAtTheEntry) {
  try {
    (void)parse_yaml_ref("[h, 0, w]");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.diagnostics()[0].span.column, 5);
    EXPECT_EQ(error.diagnostics()[0].notes, std::vector<std::string>{"write '0' in quotes"});
  }
}

}  // namespace
}  // namespace brainsurgery
