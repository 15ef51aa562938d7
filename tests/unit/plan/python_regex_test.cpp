#include "plan/python_regex.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/error.h"
#include "plan/regex_engine.h"

namespace brainsurgery {
namespace {

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::size_t start = 0;
  while (true) {
    std::size_t end = line.find(separator, start);
    fields.push_back(line.substr(start, end - start));
    if (end == std::string::npos) return fields;
    start = end + 1;
  }
}

std::string groups_of(const Captures& captures) {
  std::string result;
  for (std::size_t i = 1; i < captures.size(); ++i) {
    result += i > 1 ? "|" : "";
    result += captures[i].set ? "+" + std::string(captures[i].text) : "-";
  }
  return result;
}

// The patterns were tried in Python itself (tests/tools/make_regex_cases.py).
TEST(PythonRegex, AgreesWithPythonOnRandomPatterns) {
  std::ifstream file(BS_TEST_DATA "/unit/plan/data/regex_cases.txt");
  ASSERT_TRUE(file) << "no recorded cases";
  std::vector<std::string> names;
  int patterns = 0, refused = 0, refused_too_much = 0, hits = 0, in_re2 = 0;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields = split(line, '\t');
    if (fields[0] == "N") {
      names.push_back(decoded(fields[1]));
      continue;
    }
    ++patterns;
    std::string pattern = decoded(fields[1]);
    SCOPED_TRACE("pattern " + pattern);
    if (fields.size() == 3 && fields[2] == "E") {
      ++refused;
      EXPECT_THROW(RegexEngine{pattern}, Error);
      continue;
    }
    std::vector<std::optional<std::string>> expected(names.size());
    for (std::size_t i = 2; i < fields.size(); ++i) {
      std::size_t equals = fields[i].find('=');
      expected[std::stoul(fields[i])] = decoded(fields[i].substr(equals + 1));
    }
    try {
      RegexEngine engine(pattern);
      in_re2 += engine.backtracks() ? 0 : 1;
      for (std::size_t i = 0; i < names.size(); ++i) {
        MatchBudget budget;
        std::optional<Captures> captures = engine.match(names[i], budget);
        EXPECT_EQ(captures.has_value(), expected[i].has_value()) << "name " << names[i];
        EXPECT_EQ(engine.matches(names[i], budget), expected[i].has_value()) << "name " << names[i];
        if (captures && expected[i]) {
          ++hits;
          EXPECT_EQ(groups_of(*captures), *expected[i]) << "name " << names[i];
        }
      }
    } catch (const Error& error) {
      // What is refused although Python takes it: counted repeats of groups that can be empty, and look-behinds whose
      // width PCRE2 cannot tell.
      std::string_view reason = error.what();
      bool known = reason.find("repeated by a count") != std::string_view::npos ||
                   reason.find("lookbehind assertion is not fixed length") != std::string_view::npos;
      if (!known) ADD_FAILURE() << "refused: " << error.what();
      refused_too_much += known ? 1 : 0;
    }
  }
  EXPECT_GT(patterns, 2000);
  EXPECT_GT(refused, 100);
  EXPECT_LT(refused_too_much, patterns / 30);
  EXPECT_GT(hits, 2000);
  EXPECT_GT(in_re2, patterns / 3);
}

}  // namespace
}  // namespace brainsurgery
