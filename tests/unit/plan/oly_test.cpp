#include "plan/oly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <string>

#include "plan/yaml_printer.h"
#include "unit/plan/random_tree.h"

namespace brainsurgery {
namespace {

std::shared_ptr<const SourceText> source(std::string text) {
  return std::make_shared<SourceText>(SourceText{"line", std::move(text)});
}

YamlPtr parse(const std::string& line) { return parse_oly(source(line)); }

// The message, or "" for a line that is right; the caret has to stand where the message says.
std::string mistake(const std::string& line) {
  try {
    (void)parse(line);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    const Diagnostic& first = error.diagnostics().front();
    const std::string before = line.substr(0, static_cast<std::size_t>(first.span.column) - 1);
    const auto characters = std::ranges::count_if(before, [](char c) { return (c & 0xc0) != 0x80; });
    EXPECT_TRUE(first.message.ends_with(" at position " + std::to_string(characters))) << first.message;
    return first.message;
  }
}

// The tables of docs/oly.md: `spelling` in the first cell, and what is in the second.
std::vector<std::pair<std::string, std::string>> table(const std::string& heading) {
  std::ifstream file(BS_TEST_DATA "/../docs/oly.md");
  EXPECT_TRUE(file);
  std::vector<std::pair<std::string, std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    const std::size_t end = line.find("` | `");
    if (!inside || !line.starts_with("| `") || end == std::string::npos || !line.ends_with("` |")) continue;
    rows.emplace_back(line.substr(3, end - 3), line.substr(end + 5, line.size() - end - 8));
    for (std::string* cell : {&rows.back().first, &rows.back().second}) {
      for (std::size_t at = 0; (at = cell->find("\\|", at)) != std::string::npos; ++at) cell->erase(at, 1);
    }
  }
  return rows;
}

TEST(Oly, AcceptsWhatTheDocumentSays) {
  const auto rows = table("Accepted");
  EXPECT_GT(rows.size(), 30u);
  for (const auto& [line, yaml] : rows) {
    SCOPED_TRACE(line);
    ASSERT_EQ(mistake(line), "");
    Diagnostics diagnostics;
    const YamlPtr expected = parse_yaml(source(yaml), diagnostics);
    ASSERT_NE(expected, nullptr) << yaml;
    EXPECT_TRUE(same_value(*parse(line), *expected)) << print_yaml(*parse(line));
    EXPECT_TRUE(same_value(*parse(print_oly(*parse(line))), *expected)) << print_oly(*parse(line));
  }
}

TEST(Oly, RejectsWhatTheDocumentSays) {
  const auto rows = table("Rejected");
  EXPECT_GT(rows.size(), 25u);
  for (const auto& [line, message] : rows) EXPECT_EQ(mistake(line), message) << line;
}

TEST(Oly, RejectsWhatIsNoText) {
  EXPECT_EQ(mistake(""), "expected the name of a command at position 0");
  EXPECT_EQ(mistake(" \t "), "expected the name of a command at position 3");
  EXPECT_EQ(mistake("a: b: \xc3\xa9\xff"), "byte 0xff is not valid UTF-8 at position 7");
  EXPECT_EQ(mistake("a: b: 'x\ny'"), "control character U+000A at position 8");
  EXPECT_EQ(mistake("a: b: \xc2\x85"), "control character U+0085 at position 6");
  EXPECT_EQ(mistake(std::string("a\0", 2)), "control character U+0000 at position 1");
  EXPECT_EQ(mistake("\xc3\xa9t\xc3\xa9: b: 1"), "expected the name of a command at position 0");
  EXPECT_EQ(mistake("a: b: '\xc3\xa9\xc3\xa9' x"), "expected ',' between key and value pairs at position 11");
}

TEST(Oly, PlacesOfValues) {
  const YamlPtr step = parse("  copy: from: [a, 'b c'], to: x(1, 2)");
  const YamlNode& payload = *step->entries()[0].second;
  const auto shown = [](const SourceSpan& span) {
    return std::to_string(span.line) + ":" + std::to_string(span.column) + "+" + std::to_string(span.length);
  };
  EXPECT_EQ(shown(step->entries()[0].first->span()), "1:3+4");
  EXPECT_EQ(shown(payload.span()), "1:9+1");
  EXPECT_EQ(shown(payload.entries()[0].first->span()), "1:9+4");
  EXPECT_EQ(shown(payload.entries()[0].second->items()[1]->span()), "1:19+5");
  EXPECT_EQ(shown(payload.entries()[1].second->span()), "1:31+7");
}

TEST(Oly, NestingIsBounded) {
  const auto nested = [](std::size_t levels, std::string open, std::string close) {
    std::string line = "a: b: ", end;
    for (std::size_t i = 0; i < levels; ++i) {
      line += open;
      end += close;
    }
    return line + "1" + end;
  };
  const std::size_t most = kMaxYamlDepth - 3;  // the step, its payload, the innermost value
  EXPECT_EQ(mistake(nested(most, "[", "]")), "");
  EXPECT_EQ(mistake(nested(most, "{a: ", "}")), "");
  EXPECT_EQ(mistake(nested(most + 1, "[", "]")), "values are nested more than 200 levels deep at position 203");
  EXPECT_NE(mistake(nested(1000000, "[", "]")), "");
  EXPECT_NE(mistake(nested(1000000, "{a: ", "}")), "");
  EXPECT_EQ(mistake(nested(1000000, "(", ")")), "") << "a word";
}

TEST(Oly, LinesThatAreLong) {
  std::string line = "a: ";
  for (int i = 0; i < 200000; ++i) line += (i > 0 ? ", k" : "k") + std::to_string(i) + ": 1";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse(line)->entries()[0].second->entries().size(), 200000u);
  EXPECT_NE(mistake("a: b: " + std::string(2000000, '(')), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Oly, ManyLines) {
  Diagnostics diagnostics;
  const auto steps = parse_oly_lines(source("exit\r\n\n  \ncopy: from: a\nx: y\n dump\nz: [1"), diagnostics);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[1]->entries()[0].second->entries()[0].second->span().line, 4);
  ASSERT_EQ(diagnostics.error_count(), 2);
  EXPECT_EQ(diagnostics.items()[0].span.line, 5);
  EXPECT_EQ(diagnostics.items()[1].span.line, 7);
}

TEST(OlyPrinter, RandomStepsReadBack) {
  RandomTrees random(2);
  int printed = 0;
  for (int i = 0; i < 6000; ++i) {
    const YamlPtr step = random.step();
    std::string line;
    try {
      line = print_oly(*step);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::plan);
      continue;
    }
    ++printed;
    const YamlPtr read = parse(line);
    ASSERT_TRUE(same_value(*read, *step)) << line << "\n" << print_yaml(*step);
    ASSERT_EQ(print_oly(*read), line);
  }
  EXPECT_GT(printed, 2000);
}

// Lines put together from pieces of the grammar: what parses prints, and means the same as its YAML.
TEST(OlyPrinter, RandomLinesReadBack) {
  const std::vector<std::string> pieces = {":",  ",", " ",    "[",           "]", "{",   "}",  "(",  ")",   "'",  "\"",
                                           "\\", "a", "b: 1", "c: [x, 'y']", "~", "1e5", "-0", "\t", "yes", "k: "};
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string line = "x: v: ";
    for (auto length = random() % 9; length > 0; --length) line += pieces[random() % pieces.size()];
    YamlPtr step;
    try {
      step = parse(line);
    } catch (const Error&) {
      continue;
    }
    ++accepted;
    ASSERT_TRUE(same_value(*parse(print_oly(*step)), *step)) << line;
    Diagnostics diagnostics;
    const YamlPtr yaml = parse_yaml(source(print_yaml(*step)), diagnostics);
    ASSERT_NE(yaml, nullptr) << line;
    ASSERT_TRUE(same_value(*yaml, *step)) << line;
  }
  EXPECT_GT(accepted, 5000);
}

TEST(OlyPrinter, Style) {
  const auto printed = [](const std::string& yaml) -> std::string {
    Diagnostics diagnostics;
    try {
      return print_oly(*parse_yaml(source(yaml), diagnostics));
    } catch (const Error& error) {
      return error.diagnostics().front().message;
    }
  };
  EXPECT_EQ(printed("exit"), "exit");
  EXPECT_EQ(printed("exit:"), "exit");
  EXPECT_EQ(printed("exit: {}"), "exit");
  EXPECT_EQ(
      printed("copy: {from: [h, $i, 'a b'], to: 'x::[:, 1]', by: 0x10, eps: 1e-9, on: yes, off: ~, s: ' ', t: '1'}"),
      "copy: from: [h, $i, 'a b'], to: x::[:, 1], by: 16, eps: 1e-09, on: true, off: null, s: ' ', t: '1'");
  EXPECT_EQ(printed("a: {b: \"it's, \\\"so\\\"\\n\", c: '(', d: '', e: {f: []}}"),
            "a: b: \"it's, \\\"so\\\"\\n\", c: '(', d: '', e: {f: []}");
  EXPECT_EQ(printed("help: copy"),
            "OLY has no spelling for the string 'copy': the payload of a step has to be a mapping");
  EXPECT_EQ(printed("a: {b: \"\\x01\"}"), "OLY has no spelling for the string '\x01': it has control characters");
  EXPECT_EQ(printed("a: {b: .nan}"), "OLY has no spelling for the number .nan: it is not a number");
  EXPECT_EQ(printed("a: {b: 0xFFFFFFFFFFFFFFFFFF}"),
            "OLY has no spelling for the number 0xFFFFFFFFFFFFFFFFFF: it is beyond 64 bits and not decimal");
  EXPECT_EQ(printed("a: {b: [.inf, -.inf]}"), "a: b: [1e999, -1e999]");
  EXPECT_EQ(printed("a: {'b c': 1}"),
            "OLY has no spelling for the string 'b c': a key is a letter or '_', then letters, digits, '_' and '-'");
  EXPECT_EQ(printed("[a]"), "OLY has no spelling for a list: a step is one command with its keys");
}

}  // namespace
}  // namespace brainsurgery
