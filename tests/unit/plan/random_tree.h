// Random trees for round trips: every kind of value, and the texts that readers of YAML and OLY get wrong.
#pragma once

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// What means something to YAML 1.1, to OLY, or to a reader of one of them.
inline const std::vector<std::string>& nasty_texts() {
  static const std::vector<std::string> kTexts = {"",
                                                  " ",
                                                  "a",
                                                  " a",
                                                  "a ",
                                                  "a b",
                                                  "a: b",
                                                  "a:b",
                                                  "a:",
                                                  ":",
                                                  ":a",
                                                  "::",
                                                  "model::h.0",
                                                  "x::[:, 1]",
                                                  "#",
                                                  "#a",
                                                  "a#",
                                                  "a #b",
                                                  "'",
                                                  "''",
                                                  "it's",
                                                  "\"",
                                                  "a\"b",
                                                  "\\",
                                                  "a\\",
                                                  "h\\.(\\d+)\\.w",
                                                  "\\n",
                                                  "a\nb",
                                                  "\n",
                                                  "a\n",
                                                  "\na",
                                                  " \n ",
                                                  "a\r\nb",
                                                  "\r",
                                                  "\t",
                                                  "a\tb",
                                                  "\ta",
                                                  "~",
                                                  "~x::[0-9]+",
                                                  "null",
                                                  "Null",
                                                  "nULL",
                                                  "yes",
                                                  "y",
                                                  "n",
                                                  "No",
                                                  "on",
                                                  "off",
                                                  "true",
                                                  "tRue",
                                                  "FALSE",
                                                  "0x10",
                                                  "0o17",
                                                  "017",
                                                  "08",
                                                  "0b11",
                                                  "1_000",
                                                  "1e3",
                                                  "1e-6",
                                                  "5.",
                                                  ".5",
                                                  "-.5",
                                                  "1.e5",
                                                  "1E-3",
                                                  "01",
                                                  "+1",
                                                  "-1",
                                                  "-0",
                                                  "-0.0",
                                                  "inf",
                                                  "nan",
                                                  ".inf",
                                                  ".nan",
                                                  "-.INF",
                                                  "1:30",
                                                  "1:30.5",
                                                  "<<",
                                                  "=",
                                                  "2020-01-01",
                                                  "2001-12-14t21:59:43.10-05:00",
                                                  "- a",
                                                  "-",
                                                  "-a",
                                                  "--",
                                                  "---",
                                                  "--- a",
                                                  "...",
                                                  "? b",
                                                  "?",
                                                  "?b",
                                                  "(?:a|b)?",
                                                  "@x",
                                                  "`x",
                                                  "%x",
                                                  "!x",
                                                  "&x",
                                                  "*x",
                                                  "*rest",
                                                  "[",
                                                  "]",
                                                  "[a",
                                                  "a]",
                                                  "{",
                                                  "}",
                                                  "{a: 1}",
                                                  "${i}",
                                                  "$i",
                                                  "a, b",
                                                  ",",
                                                  ",a",
                                                  "a,",
                                                  "|",
                                                  ">",
                                                  "|-",
                                                  "(",
                                                  ")",
                                                  "(a",
                                                  "a)",
                                                  "(a b)",
                                                  "x[1, 2]",
                                                  "[(]",
                                                  "(]",
                                                  "${a.b}",
                                                  "<",
                                                  "a\\,b",
                                                  "\x01",
                                                  "\x07?\x1b",
                                                  "?\x01?",
                                                  std::string("\0", 1),
                                                  "\x7f",
                                                  "\xc2\x80",
                                                  "\xc2\x85",
                                                  "a\xc2\x85z",
                                                  "\xc2\xa0",
                                                  "a\xc2\xa0z",
                                                  "\xc3\xa9",
                                                  "\xe2\x80\xa8",
                                                  "a\xe2\x80\xa9z",
                                                  "\xef\xbb\xbf",
                                                  "\xef\xbf\xbe",
                                                  "\xef\xbf\xbf",
                                                  "\xf0\x9f\xa7\xa0",
                                                  "\xf4\x8f\xbf\xbf",
                                                  "9223372036854775808",
                                                  "1.0e+16",
                                                  "infinity",
                                                  "1__0",
                                                  std::string(100, 'x') + " " + std::string(100, 'y')};
  return kTexts;
}

class RandomTrees {
 public:
  explicit RandomTrees(unsigned seed) : random_(seed) {}

  std::string text() {
    const std::vector<std::string>& texts = nasty_texts();
    std::string result = texts[below(texts.size())];
    for (std::size_t more = below(4); more > 1; --more) result += texts[below(texts.size())];
    return result;
  }

  std::string identifier() {
    static const std::vector<std::string> kNames = {"from", "to", "a", "_", "x-1", "A_b", "null", "yes", "target", "n"};
    return kNames[below(kNames.size())];
  }

  YamlPtr scalar() {
    static const std::vector<std::string> kPlain = {"~",
                                                    "true",
                                                    "No",
                                                    "0",
                                                    "-7",
                                                    "0x10",
                                                    "1_000",
                                                    "1:30",
                                                    "9223372036854775807",
                                                    "-9223372036854775808",
                                                    "99999999999999999999",
                                                    "-99999999999999999999",
                                                    "1e3",
                                                    "1e-6",
                                                    "0.1",
                                                    "-0.0",
                                                    "5e-324",
                                                    "1.7976931348623157e308",
                                                    "1e16",
                                                    "123456789.5"};
    if (below(3) > 0) return YamlNode::text({}, text());
    return YamlNode::plain({}, kPlain[below(kPlain.size())]);
  }

  // `identifiers`: keys that OLY can spell.
  YamlPtr tree(int depth, bool identifiers) {
    const std::size_t kind = below(depth > 0 ? 4 : 2);
    if (kind < 2) return scalar();
    if (kind == 2) {
      YamlItems items;
      for (std::size_t count = below(4); count > 0; --count) items.push_back(tree(depth - 1, identifiers));
      return YamlNode::sequence({}, std::move(items));
    }
    return mapping(depth, identifiers);
  }

  YamlPtr mapping(int depth, bool identifiers) {
    YamlEntries entries;
    std::set<std::string> seen;
    for (std::size_t count = below(4); count > 0; --count) {
      std::string key = identifiers ? identifier() : text();
      if (!seen.insert(key).second) continue;
      YamlPtr value = tree(depth - 1, identifiers);
      entries.emplace_back(YamlNode::text({}, std::move(key)), std::move(value));
    }
    return YamlNode::mapping({}, std::move(entries));
  }

  YamlPtr step() { return YamlNode::mapping({}, {{YamlNode::text({}, identifier()), mapping(3, true)}}); }

 private:
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }

  std::mt19937 random_;
};

}  // namespace brainsurgery
