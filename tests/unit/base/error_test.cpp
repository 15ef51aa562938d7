#include <gtest/gtest.h>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

SourceSpan span_in(std::string text, int line, int column, int length = 1) {
  return {std::make_shared<SourceText>(SourceText{"plan.yaml", std::move(text)}), line, column, length};
}

std::string render(const SourceSpan& span, std::vector<std::string> notes = {}) {
  return to_string(Diagnostic{Severity::error, span, "unknown key 'form'", std::move(notes)});
}

TEST(Diagnostic, PointsIntoTheText) {
  EXPECT_EQ(render(span_in("a\nb\n  - copy: {form: x}\n", 3, 12, 4), {"did you mean 'from'?"}),
            "plan.yaml:3:12: error: unknown key 'form'\n"
            "    3 |   - copy: {form: x}\n"
            "      |            ^~~~\n"
            "  note: did you mean 'from'?\n");
}

TEST(Diagnostic, WithoutPlace) {
  EXPECT_EQ(to_string(Diagnostic{Severity::warning, {}, "odd", {}}), "warning: odd\n");
  EXPECT_EQ(render(span_in("x", 0, 0)), "plan.yaml: error: unknown key 'form'\n");
  EXPECT_EQ(to_string(Error(ErrorCode::run, "no", {}, {"a", "b"})), "error: no\n  note: a\n  note: b\n");
}

TEST(Diagnostic, CaretStandsRight) {
  // Tabs become one blank; wide characters take two columns, combining marks none.
  EXPECT_EQ(render(span_in("\t\tkey: x", 1, 8)),
            "plan.yaml:1:8: error: unknown key 'form'\n    1 |   key: x\n      |        ^\n");
  EXPECT_EQ(render(span_in("\u6f22\u5b57: x", 1, 9)),
            "plan.yaml:1:9: error: unknown key 'form'\n    1 | \u6f22\u5b57: x\n      |       ^\n");
  EXPECT_EQ(render(span_in("e\u0301: x", 1, 6)),
            "plan.yaml:1:6: error: unknown key 'form'\n    1 | e\u0301: x\n      |    ^\n");
  // Past the end, in an empty line, past the last line; a length beyond the line is cut.
  EXPECT_EQ(render(span_in("ab", 1, 3)), "plan.yaml:1:3: error: unknown key 'form'\n    1 | ab\n      |   ^\n");
  EXPECT_EQ(render(span_in("\r\nx", 1, 1)), "plan.yaml:1:1: error: unknown key 'form'\n    1 |\n      | ^\n");
  EXPECT_EQ(render(span_in("ab", 7, 5)), "plan.yaml:7:5: error: unknown key 'form'\n    7 |\n      | ^\n");
  EXPECT_EQ(render(span_in("abc\nd", 1, 2, 50)),
            "plan.yaml:1:2: error: unknown key 'form'\n    1 | abc\n      |  ^~\n");
}

TEST(Diagnostic, ControlCharactersAreEscaped) {
  const std::string shown = render(span_in("a\x1b[2Jb", 1, 6));
  EXPECT_EQ(shown, "plan.yaml:1:6: error: unknown key 'form'\n    1 | a\\x1b[2Jb\n      |         ^\n");
  EXPECT_EQ(to_string(Error(ErrorCode::run, "bad name 'a\nb\x1b'")), "error: bad name 'a\\x0ab\\x1b'\n");
}

TEST(Diagnostic, LongLinesAreCutAroundTheCaret) {
  const std::string line = std::string(500, 'a') + "X" + std::string(500, 'b');
  const std::string shown = render(span_in(line, 1, 501));
  std::vector<std::string> lines;
  for (std::size_t at = 0, end; (end = shown.find('\n', at)) != std::string::npos; at = end + 1) {
    lines.push_back(shown.substr(at, end - at));
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_LT(lines[1].size(), 120U);
  EXPECT_EQ(lines[1].find('X'), lines[2].find('^'));
  EXPECT_NE(lines[1].find("| ...aaa"), std::string::npos);
  EXPECT_TRUE(lines[1].ends_with("bbb..."));
}

TEST(Diagnostics, Collects) {
  Diagnostics diagnostics;
  diagnostics.throw_if_errors();
  diagnostics.warning({}, "first");
  diagnostics.throw_if_errors();
  diagnostics.error({}, "second");
  diagnostics.add(Error(ErrorCode::plan, "third"));
  EXPECT_EQ(diagnostics.error_count(), 2);
  try {
    diagnostics.throw_if_errors();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    EXPECT_STREQ(error.what(), "second");
    EXPECT_EQ(error.diagnostics().size(), 3U);
  }
}

TEST(Errors, NotesAndPlaces) {
  const SourceSpan span = span_in("x: 1", 1, 1);
  const Error error = Error(ErrorCode::run, "broken").with_note("while writing 'a'").at(span);
  EXPECT_EQ(to_string(error), "plan.yaml:1:1: error: broken\n    1 | x: 1\n      | ^\n  note: while writing 'a'\n");
  EXPECT_EQ(to_string(error.at(span_in("y", 1, 1))), to_string(error));
  const auto fails = [] { BS_CHECK(1 + 1 == 3); };
  EXPECT_THROW(
      {
        try {
          fails();
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::internal);
          throw;
        }
      },
      Error);
}

}  // namespace
}  // namespace brainsurgery
