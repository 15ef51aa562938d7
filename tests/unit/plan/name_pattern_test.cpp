#include "plan/name_pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "plan/match_names.h"
#include "support/signals.h"

namespace brainsurgery {
namespace {

TensorRef text_ref(const std::string& expr) {
  TensorRef ref;
  ref.expr = ref.text = expr;
  return ref;
}

TensorRef list_ref(const std::vector<std::string>& tokens) {
  TensorRef ref;
  ref.structured = true;
  ref.tokens = tokens;
  for (const std::string& token : tokens) ref.text += (ref.text.empty() ? "[" : ", ") + token;
  ref.text += "]";
  return ref;
}

NamePattern regex(const std::string& expr) { return NamePattern::compile(text_ref(expr), "copy.from"); }
NamePattern list(const std::vector<std::string>& tokens) { return NamePattern::compile(list_ref(tokens), "copy.from"); }

bool does_match(const NamePattern& pattern, std::string_view name) {
  MatchBudget budget;
  return pattern.matches(name, budget);
}

// The destination of `name`; "-" where the pattern does not match.
std::string renamed(const TensorRef& from, const TensorRef& to, const std::string& name) {
  NamePattern pattern = NamePattern::compile(from, "copy.from");
  NameTemplate destination = NameTemplate::compile(to, pattern, "copy.to");
  std::optional<Captures> captures = pattern.match(name);
  EXPECT_EQ(captures.has_value(), does_match(pattern, name));
  return captures ? destination.expand(*captures) : "-";
}

std::string refusal(const TensorRef& from, const TensorRef& to) {
  try {
    (void)NameTemplate::compile(to, NamePattern::compile(from, "copy.from"), "copy.to");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return error.what();
  }
  return "accepted";
}

TEST(NamePattern, LiteralPrefixStopsAtTheFirstWildcard) {
  struct Case {
    std::string pattern, prefix;
    bool literal;
  };
  const std::vector<Case> cases = {
      {"h.0.attn", "h", false},     {"h\\.0\\.attn", "h.0.attn", true},
      {"abc", "abc", true},         {"h\\.(\\d+)\\.w", "h.", false},
      {"ab*", "a", false},          {"ab+c", "ab", false},
      {"ab{2}", "ab", false},       {"(ab)c", "abc", false},
      {"(?:ab)c", "abc", true},     {"abc|abd", "ab", false},
      {"h(0|1)", "h", false},       {"(?i)abc", "", false},
      {"^abc$", "abc", false},      {"(?=x)abc", "abc", false},
      {"a[.]b", "a.b", true},       {"[ab]c", "", false},
      {"é\\.w", "é.w", true},       {".*", "", false},
      {"a?b", "", false},           {"\\x61b", "ab", true},
      {"(?x) a b # c", "ab", true},
  };
  for (const Case& c : cases) {
    NamePattern pattern = regex(c.pattern);
    EXPECT_EQ(pattern.literal_prefix(), c.prefix) << c.pattern;
    EXPECT_EQ(pattern.is_literal(), c.literal) << c.pattern;
  }
  EXPECT_EQ(list({"h", "0", "$x"}).literal_prefix(), "h.0.");
  EXPECT_EQ(list({"h", "*x"}).literal_prefix(), "h");
  EXPECT_EQ(list({"h", "w"}).literal_prefix(), "h.w");
  EXPECT_TRUE(list({"h", "w"}).is_literal());
  EXPECT_FALSE(does_match(list({"h", "a.b"}), "h.a.b"));  // a segment holds no dot
}

TEST(NamePattern, DotIsAWildcardForOneCharacter) {
  NamePattern pattern = regex("ln.w");
  EXPECT_TRUE(does_match(pattern, "ln.w"));
  EXPECT_TRUE(does_match(pattern, "lnXw"));
  EXPECT_TRUE(does_match(pattern, "lnéw"));
  EXPECT_FALSE(does_match(pattern, "ln\nw"));
  EXPECT_FALSE(does_match(pattern, "ln..w"));
  EXPECT_FALSE(does_match(pattern, "ln.w2"));
  EXPECT_FALSE(pattern.backtracks());
}

// Each pattern beside one of the same meaning that is no literal text around one `.*`.
TEST(NamePattern, OneGapMeansWhatTheEngineSays) {
  const std::vector<std::string> names = {"",      "a",     "ab",    "aXb",  "a.b",  "aab",   "abb",  "ba",
                                          "h.0.w", "h.0.x", "h.1.w", "h0.w", "h.0.", "h.0..", "a\nb", "a\n",
                                          "aéb",   "h.0.é", "éa",    "b",    "aé",   "w",     ".w",   "xaXbx"};
  for (const std::string plain : {"a(.*)b",      "a.*",        ".*b",      "(.+)",     "a(.{2,})", "h.0.(.*)", "(.*).w",
                                  "(?P<x>.*?)b", "(?s:a(.*))", "(?i:A.*)", "(a.*)b",   "a(.)*b",   "((.*))b",  "a.*|b",
                                  "(?:a.*)+",    "^a.*b$",     "a.*.*b",   "a(?>.*)b", "a.*+b",    "a(.*)\\1"}) {
    const NamePattern mine = regex(plain), engine = regex("(?:" + plain + ")(?:)?");
    for (const std::string& name : names) {
      SCOPED_TRACE(plain + " on " + name);
      const std::optional<Captures> got = mine.match(name), wanted = engine.match(name);
      ASSERT_EQ(got.has_value(), wanted.has_value());
      EXPECT_EQ(does_match(mine, name), wanted.has_value());
      if (!got) continue;
      ASSERT_EQ(got->size(), wanted->size());
      for (std::size_t i = 0; i < got->size(); ++i) {
        EXPECT_EQ((*got)[i].set, (*wanted)[i].set);
        EXPECT_EQ((*got)[i].text, (*wanted)[i].text);
      }
    }
  }
}

TEST(NamePattern, ChoosesTheEngine) {
  for (const char* linear : {"(a|b)*c", "h\\.(\\d+)\\.w", "(?i)abc", "\\w+", "(?:a*)*b"}) {
    EXPECT_FALSE(regex(linear).backtracks()) << linear;
  }
  for (const char* beyond : {"(?!a).*", "(a)\\1", "(?>a*)b", "a++", "((a)*)*", "(a)?(?(1)b|c)", "a{1001}",
                             "[ab]*a[ab]{900}b"}) {
    EXPECT_TRUE(regex(beyond).backtracks()) << beyond;
  }
}

TEST(NamePattern, GivesUpInsteadOfHanging) {
  NamePattern pattern = regex("(?!x)(?:a|a)*[bc]");
  try {
    (void)does_match(pattern, std::string(60, 'a'));
    FAIL() << "expected the match limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    EXPECT_NE(std::string(error.what()).find("gave up"), std::string::npos);
  }
  std::string name = "x";
  for (int i = 0; i < 200; ++i) name += ".x";
  EXPECT_THROW((void)does_match(list({"*a", "*b", "*c", "*d", "*e", "*f", "y"}), name), Error);
}

// How many of the names were tried before the budget was spent.
int tried(const NamePattern& pattern, const std::string& name, int names) {
  MatchBudget budget;
  for (int i = 0; i < names; ++i) {
    try {
      (void)pattern.match(name, budget);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(pattern.text()), std::string::npos) << error.what();
      return i;
    }
  }
  return names;
}

TEST(NamePattern, AllNamesOfAStepHaveOneBudget) {
  constexpr int kNames = 20'000;
  std::string segments = "a";
  for (int i = 0; i < 60; ++i) segments += ".a";
  EXPECT_LT(tried(regex("(?=.)(a+)+b"), std::string(17, 'a') + "cb", kNames), 2000);
  EXPECT_LT(tried(list({"*a", "*b", "*c", "z"}), segments, kNames), 5000);
  EXPECT_EQ(tried(regex("(?:(?=a*b)a|a)*"), std::string(1'000'000, 'a') + "cb", 1), 0);
  EXPECT_EQ(tried(list({"*a", "~(?:(?=a*b)a|a)*"}), std::string(1'000'000, 'a') + "cb", 1), 0);
}

TEST(NameTemplate, LongNamesSpendTheBudget) {
  const NamePattern pattern = regex("(.*)");
  std::string repeated;
  for (int i = 0; i < 100'000; ++i) repeated += "\\1";
  const NameTemplate expansion = NameTemplate::compile(text_ref(repeated), pattern, "copy.to");
  const std::string name(1000, 'a');  // captures point into it
  MatchBudget budget;
  const std::optional<Captures> captures = pattern.match(name, budget);
  EXPECT_THROW((void)expansion.expand(*captures, budget), Error);
}

TEST(NamePattern, CtrlCEndsMatching) {
  const std::map<std::string, int, std::less<>> names{{"a", 0}, {"b", 0}};
  MatchBudget budget;
  const testing::Signals signals;
  std::raise(SIGINT);
  EXPECT_THROW(for_each_match(regex(".*"), names, budget, [](const auto&, const Captures&) {}), Error);
}

TEST(NamePattern, OrdinaryPatternsNeverSpendTheBudget) {
  const std::string name = "model.layers.17.mlp.experts.101.down_proj.weight";
  for (const char* pattern : {R"((?!.*bias)(.*)\.experts\.(\d+)\.(.*))", R"((.*)\.(\d+)\.(.*)(?<!bias))", R"((?:\w+\.)+weight)",
                              R"((model\.layers\.)(\d+)(.*?)\.(\w+)(?=$)x)"})
    EXPECT_EQ(tried(regex(pattern), name, 100'000), 100'000) << pattern;
  EXPECT_EQ(tried(list({"*a", "experts", "$i", "*b", "weight"}), name, 100'000), 100'000);
}

TEST(NamePattern, RefusesWhatPythonRefuses) {
  struct Case {
    std::string pattern, reason;
  };
  const std::vector<Case> cases = {
      {"h(", "missing ), unterminated subpattern at position 1"},
      {"h)", "unbalanced parenthesis at position 1"},
      {"*a", "nothing to repeat at position 0"},
      {"a**", "multiple repeat at position 2"},
      {"[a", "unterminated character set at position 0"},
      {"[b-a]", "bad character range b-a at position 1"},
      {"é\\q", "bad escape \\q at position 1"},
      {"a\\", "bad escape (end of pattern) at position 1"},
      {"(?P<a>x)(?P<a>y)", "redefinition of group name 'a' at position 12"},
      {"(?P=a)", "unknown group name 'a' at position 4"},
      {"\\1", "invalid group reference 1 at position 1"},
      {"(a\\1)", "cannot refer to an open group at position 2"},
      {"(?<=a*)b", "look-behind requires fixed-width pattern at position 0"},
      {"a(?i)b", "global flags not at the start of the expression at position 1"},
      {"(?<n>a)", "unknown extension ?<n at position 1"},
      {"(?L)a", "bad inline flags: cannot use 'L' flag with a str pattern at position 3"},
      {"a{3,2}", "min repeat greater than max repeat at position 1"},
      {"\xff", "the pattern is not valid UTF-8"},
  };
  for (const Case& c : cases) {
    try {
      (void)regex(c.pattern);
      ADD_FAILURE() << "accepted: " << c.pattern;
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "copy.from: invalid regular expression '" + c.pattern + "': " + c.reason);
    }
  }
  EXPECT_THROW((void)regex(std::string(100'000, '(')), Error);
  std::string conditions = "(a)";
  for (int i = 0; i < 100'000; ++i) conditions += "(?(1)";
  EXPECT_THROW((void)regex(conditions), Error);
  EXPECT_THROW((void)regex("((((a{1000}){1000}){1000}){1000})"), Error);
}

// Random patterns of literals, dots and groups over random names: the walk finds what a full scan finds.
TEST(NamePattern, NextSkipsNoMatch) {
  std::mt19937 random(3);
  auto pick = [&](int n) { return static_cast<std::size_t>(random() % static_cast<unsigned>(n)); };
  const std::vector<std::string> pieces = {"a", "b", ".", "\\.", "c", "ab", "(a|b)", "b?", ".*", "é"};
  std::int64_t visited = 0, total = 0;
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> names;
    for (int i = 0; i < 60; ++i) {
      std::string name;
      for (std::size_t n = pick(6) + 1; n > 0; --n)
        name += std::vector<std::string>{"a", "b", "c", ".", "é", "z"}[pick(6)];
      names.insert(name);
    }
    std::string expr;
    for (std::size_t n = pick(5) + 1; n > 0; --n) expr += pieces[pick(10)];
    NamePattern pattern = regex(expr);
    std::vector<std::string> expected, found;
    std::copy_if(names.begin(), names.end(), std::back_inserter(expected), [&](auto& n) { return does_match(pattern, n); });
    auto it = names.lower_bound(pattern.literal_prefix());
    while (it != names.end()) {
      ++visited;
      if (does_match(pattern, *it)) found.push_back(*it);
      NamePattern::Next next = pattern.next(*it);
      if (next.where == NamePattern::Next::Where::end) break;
      if (next.where == NamePattern::Next::Where::seek) {
        ASSERT_GT(next.key, *it);
        it = names.lower_bound(next.key);
      } else {
        ++it;
      }
    }
    EXPECT_EQ(found, expected) << expr;
    total += static_cast<std::int64_t>(names.size());
  }
  EXPECT_LT(visited, total / 2);
}

TEST(NamePattern, WildcardDotsStillFindANameQuickly) {
  std::set<std::string> names;
  for (int i = 0; i < 20'000; ++i) names.insert("h." + std::to_string(i) + ".attn.w");
  NamePattern pattern = regex("h.777.attn.w");
  int steps = 0;
  std::vector<std::string> found;
  for (auto it = names.lower_bound(pattern.literal_prefix()); it != names.end(); ++steps) {
    if (does_match(pattern, *it)) found.push_back(*it);
    NamePattern::Next next = pattern.next(*it);
    if (next.where == NamePattern::Next::Where::end) break;
    it = next.where == NamePattern::Next::Where::seek ? names.lower_bound(next.key) : std::next(it);
  }
  EXPECT_EQ(found, std::vector<std::string>{"h.777.attn.w"});
  EXPECT_LT(steps, 20);
}

TEST(NameTemplate, ExpandsTheFullMatch) {
  struct Case {
    std::string from, to, name, expected;
  };
  const std::vector<Case> cases = {
      {"h\\.(\\d+)\\.(w|b)", "g.\\1.\\2", "h.3.w", "g.3.w"},
      {"(?P<x>a+)b", "\\g<x>-\\g<1>-\\g<0>", "aab", "aa-aa-aab"},
      {".*", "c.\\g<0>", "b", "c.b"},   // the reference makes c.bc. of it
      {"h|h.0.w", "X", "h.0.w", "X"},   // ... and X.0.w
      {"(a)|(b)", "\\1\\2", "b", "b"},  // a group that took no part is empty
      {"a", "x\\.y\\\\\\$\\n\\t", "a", "x.y\\$\n\t"},
      {"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)", "\\11\\g<1>1", "abcdefghijk", "ka1"},
      {"a", "\\101", "a", "A"},
      {"a", "$1 é &", "a", "$1 é &"},
      {"(h\\.0)\\.(?!mlp).+", "\\1.copy", "h.0.attn", "h.0.copy"},
      {"(?i)LN\\.(W)", "x.\\1", "ln.w", "x.w"},
      {"abc", "d", "ab", "-"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(renamed(text_ref(c.from), text_ref(c.to), c.name), c.expected) << c.from << " -> " << c.to;
  }
}

TEST(NameTemplate, SaysWhatIsWrong) {
  auto text = [](const std::string& from, const std::string& to) { return refusal(text_ref(from), text_ref(to)); };
  EXPECT_EQ(text("ln\\.w", "c\\1"), "copy.to: invalid group reference 1 in 'c\\1': the pattern 'ln\\.w' has 0 groups");
  EXPECT_EQ(text("(a)", "\\g<2>"), "copy.to: invalid group reference 2 in '\\g<2>': the pattern '(a)' has 1 group");
  EXPECT_EQ(text("(a)", "\\g<x>"), "copy.to: unknown group 'x' in '\\g<x>': the pattern '(a)' does not name it");
  EXPECT_EQ(text("(a)", "\\d"), "copy.to: bad escape \\d in '\\d'; a backslash itself is written \\\\");
  EXPECT_EQ(text("(a)", "x\\"), "copy.to: 'x\\' ends with a single backslash");
  EXPECT_EQ(text("(a)", "\\0"), "copy.to: bad escape \\0 in '\\0'; the whole match is \\g<0>");
  EXPECT_EQ(text("(a)", "\\g1"), "copy.to: \\g in '\\g1' needs a group in angle brackets, as in \\g<1>");
  EXPECT_EQ(refusal(text_ref("a"), list_ref({"b"})),
            "copy.to: '[b]' and 'a' must have the same form: two strings or two lists");
  EXPECT_EQ(refusal(list_ref({"a"}), text_ref("$i.w")), "copy.to: 'i' in '$i' is not captured by [a]");
}

TEST(NameTemplate, KnowsConstants) {
  EXPECT_TRUE(NameTemplate::compile(text_ref("c\\.d"), regex("(a)"), "copy.to").is_constant());
  EXPECT_FALSE(NameTemplate::compile(text_ref("c\\1"), regex("(a)"), "copy.to").is_constant());
  EXPECT_TRUE(NameTemplate::compile(list_ref({"c", "$"}), list({"$x"}), "copy.to").is_constant());
}

TEST(StructuredPattern, MatchesSegments) {
  struct Case {
    std::vector<std::string> from, to;
    std::string name, expected;
  };
  const std::vector<Case> cases = {
      {{"h", "$i", "attn", "w"}, {"bk", "$i", "w"}, "h.0.attn.w", "bk.0.w"},
      {{"h", "$i", "$m", "$p"}, {"L\\${i}_${m}", "$p"}, "h.0.mlp.b", "L0_mlp.b"},
      {{"$a", "$b"}, {"${a}${b}", "x${a}", "${b}y"}, "p.q", "pq.xp.qy"},
      {{"*p", "w"}, {"bk", "*p", "weight"}, "h.0.attn.w", "bk.h.0.attn.weight"},
      {{"*p", "m"}, {"bk", "*p", "m2"}, "m", "bk.m2"},  // an empty sequence leaves no dot
      {{"*p", "m"}, {"*p", "m2"}, "m", "m2"},
      {{"*a", "attn", "*b"}, {"*a", "self", "*b"}, "h.0.attn.w", "h.0.self.w"},
      {{"*a", "$x"}, {"$x", "*a", "z"}, "h.0.w", "w.h.0.z"},
      {{"*a", "*b"}, {"A", "*a", "B", "*b"}, "x.y", "A.x.y.B"},  // longest first
      {{"h", "~[0]", "w"}, {"zero"}, "h.0.w", "zero"},
      {{"h", "~[0]", "w"}, {"zero"}, "h.1.w", "-"},
      {{"h", "~n::\\d+"}, {"k", "$n"}, "h.12", "k.12"},
      {{"~n::(\\d)x"}, {"k", "$n"}, "1x", "k.1"},
      {{"~a,b::(l)(n)", "$p"}, {"x${b}${a}", "$p"}, "ln.w", "xnl.w"},
      {{"$a", "0", "$a"}, {"$a"}, "h.0.h", "h"},  // equal captures
      {{"$a", "0", "$a"}, {"$a"}, "h.0.w", "-"},
      {{"*a", "x", "*a"}, {"Y", "*a"}, "p.q.x.p.q", "Y.p.q"},
      {{"$", "*", "~"}, {"$", "*", "~"}, "$.*.~", "$.*.~"},  // lone sigils
      {{"ln", "w"}, {"a.b"}, "ln.w", "a.b"},
      {{"h"}, {"x"}, "h.0", "-"},
      {{"$x", "$y", "$z"}, {"$y", "c"}, "a..b", ".c"},  // an empty segment stays one
      {{"a"}, {"a$b", "c"}, "a", "a$b.c"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(renamed(list_ref(c.from), list_ref(c.to), c.name), c.expected) << list_ref(c.from).text << " " << c.name;
  }
}

TEST(StructuredPattern, SaysWhatIsWrong) {
  auto text = [](const std::vector<std::string>& from, const std::vector<std::string>& to) {
    return refusal(list_ref(from), list_ref(to));
  };
  EXPECT_EQ(text({"ln", "$p"}, {"c", "$q"}), "copy.to: 'q' in '$q' is not captured by [ln, $p]");
  EXPECT_EQ(text({"ln", "*p"}, {"c", "${p}"}),
            "copy.to: 'p' in '${p}' is a sequence of segments; write *p as an entry of its own");
  EXPECT_EQ(text({"ln", "$p"}, {"c", "*p"}), "copy.to: 'p' in '*p' is one segment; write $p");
  EXPECT_EQ(text({"a"}, {"~b"}), "copy.to: '~b' is not allowed in a destination: ~ only matches names");
  EXPECT_EQ(text({"$i"}, {"$i.w"}), "copy.to: invalid capture name 'i.w' in '$i.w'");
  EXPECT_EQ(text({"$x"}, {"$$x"}), "copy.to: invalid capture name '$x' in '$$x'");
  EXPECT_EQ(text({"$x"}, {"${x"}), "copy.to: missing '}' in '${x'");
  EXPECT_EQ(text({"~a::(l)(n)", "w"}, {"c"}),
            "copy.from: '~a::(l)(n)' binds 1 name but has 2 groups, in [~a::(l)(n), w]");
  EXPECT_EQ(text({"~a,b::l"}, {"c"}), "copy.from: '~a,b::l' binds 2 names but has 0 groups, in [~a,b::l]");
  EXPECT_EQ(
      text({"~(?P<q>l)n"}, {"c"}),
      "copy.from: named group 'q' in '~(?P<q>l)n'; names are written in front, as in ~x,y::REGEX, in [~(?P<q>l)n]");
  EXPECT_EQ(
      text({"~(", "w"}, {"c"}),
      "copy.from: invalid regular expression in '~(': missing ), unterminated subpattern at position 0, in [~(, w]");
  EXPECT_EQ(
      text({"~a,::(l)(n)"}, {"c"}),
      "copy.from: invalid capture name '' in '~a,::(l)(n)'; a name is a letter or _, then letters, digits and _, in "
      "[~a,::(l)(n)]");
  EXPECT_EQ(text({"$x", "*x"}, {"c"}), "copy.from: 'x' is used both as $x and as *x, in [$x, *x]");
  EXPECT_THROW((void)list({"~a::(l)|n"}).match("n"), Error);  // the bound group takes no part
}

}  // namespace
}  // namespace brainsurgery
