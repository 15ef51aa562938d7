#include "plan/inverse_names.h"

#include <gtest/gtest.h>

#include <string>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

struct Names {
  std::string pattern, result;
  bool operator==(const Names&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Names& names) { return out << names.pattern << " -> " << names.result; }

Names inverse(const std::string& pattern, const std::string& result, CountingSide counting = CountingSide::neither) {
  try {
    const NamePair names = inverse_names(*YamlNode::text({}, pattern), *YamlNode::text({}, result), counting);
    return {names.pattern->text(), names.result->text()};
  } catch (const Error& error) {
    return {"", error.what()};
  }
}

TEST(InverseNames, OfDottedNames) {
  EXPECT_EQ(inverse("h.$i.w", "layers.$i.v"), (Names{"layers.$i.v", "h.$i.w"}));
  EXPECT_EQ(inverse("h.$i.${p:q|k}.w", "layers.$i.${p}_proj.w"), (Names{"layers.$i.${p:q|k}_proj.w", "h.$i.${p}.w"}));
  EXPECT_EQ(inverse("h.$i.*rest", "x.*rest.$i"), (Names{"x.*rest.$i", "h.$i.*rest"}));
  EXPECT_EQ(inverse("a::h.$i.w", "b::g_$i.w"), (Names{"", "the new name does not tell what '$i' was"}));
  EXPECT_EQ(inverse("a::h.$i.w", "b::g_${i}.w"), (Names{"b::g_${i:[^.]+}.w", "a::h.$i.w"}));
  EXPECT_EQ(inverse("norm.weight", "model.norm.weight"), (Names{"model.norm.weight", "norm.weight"}));
}

TEST(InverseNames, KeepsNamesOfEachAndOfThePlan) {
  EXPECT_EQ(inverse("h.$i.${m.from}", "g.$i.${m.to}.w"), (Names{"g.$i.${m.to}.w", "h.$i.${m.from}"}));
  EXPECT_EQ(inverse("${prefix}.$i.w", "$i.w"), (Names{"$i.w", "${prefix}.$i.w"}));
}

TEST(InverseNames, KeepsTheNameThatCounts) {
  EXPECT_EQ(inverse("h.$i.qkv", "h.$i.${p:q|k|v}", CountingSide::result), (Names{"h.$i.${p:q|k|v}", "h.$i.qkv"}));
  EXPECT_EQ(inverse("h.$i.experts", "h.$i.experts.${e:02d}.w", CountingSide::result),
            (Names{"h.$i.experts.$e.w", "h.$i.experts"}));
  EXPECT_EQ(inverse("h.$i.experts.$e.w", "h.$i.experts", CountingSide::pattern),
            (Names{"h.$i.experts", "h.$i.experts.$e.w"}));
  EXPECT_EQ(inverse("h.$i.experts.$e.w", "h.$i.experts"), (Names{"", "the new name does not tell what '$e' was"}));
  EXPECT_EQ(inverse("(.*)\\.w", "x.$i", CountingSide::result),
            (Names{"", "'(.*)\\.w' is a regular expression; write it as a dotted name"}));
}

TEST(InverseNames, OfNumbersWithAFormat) {
  EXPECT_EQ(inverse("h.$i.w", "h_${i:02d}.w"), (Names{"h_${i:\\d+}.w", "h.${i:d}.w"}));
}

TEST(InverseNames, OfRegularExpressions) {
  EXPECT_EQ(inverse("(.*)\\.weight", "x.\\1"), (Names{"x\\.(.*)", "\\1.weight"}));
  EXPECT_EQ(inverse("h\\.(\\d+)\\.(a|b)", "\\2.\\1"), (Names{"(a|b)\\.(\\d+)", "h.\\2.\\1"}));
  EXPECT_EQ(inverse("h.(\\d+).w", "g.\\1.\\1"), (Names{"g\\.(\\d+)\\.\\1", "h.\\1.w"}));
  EXPECT_EQ(inverse("(?P<i>\\d+)\\.w", "g.\\g<i>"), (Names{"g\\.(?P<i>\\d+)", "\\g<i>.w"}));
  EXPECT_EQ(inverse("a::(.+)", "b::x.\\1"), (Names{"b::x\\.(.+)", "a::\\1"}));
}

TEST(InverseNames, RefuseWhatANewNameDoesNotTell) {
  const std::string outside = "' has parts outside of groups that the new name does not tell";
  EXPECT_EQ(inverse("h\\.\\d+\\.(w)", "\\1"), (Names{"", "'h\\.\\d+\\.(w)" + outside}));
  EXPECT_EQ(inverse("h.*(w)", "\\1"), (Names{"", "'h.*(w)" + outside}));
  EXPECT_EQ(inverse("(?:a|b)(w)", "\\1"), (Names{"", "'(?:a|b)(w)" + outside}));
  EXPECT_EQ(inverse("((a)b)w", "\\1"), (Names{"", "'((a)b)w" + outside}));
  EXPECT_EQ(inverse("(a)(b)", "\\1"), (Names{"", "the new name does not tell what '(b)' was"}));
  EXPECT_EQ(inverse("h.$i.w", "h.${i + 16}.w"),
            (Names{"", "'${i + 16}' computes with 'i', and nothing says how to compute back"}));
  EXPECT_EQ(inverse("x::[0:2]", "y"), (Names{"", "'x::[0:2]' is a part of a tensor"}));
}

}  // namespace
}  // namespace brainsurgery
