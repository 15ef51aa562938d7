#include "describe/frame.h"

#include <gtest/gtest.h>

#include <sstream>

namespace brainsurgery {
namespace {

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  for (std::string row; std::getline(lines, row);) rows.push_back(row);
  return rows;
}

TEST(Frame, IsAsWideAsItsText) {
  EXPECT_EQ(framed("Help", {{"one line"}, {}, {"x", 2}}),
            "╭── Help ──╮\n"
            "│ one line │\n"
            "│          │\n"
            "│   x      │\n"
            "╰──────────╯\n");
  EXPECT_EQ(framed("A long title", {{"x"}}),
            "╭─ A long title ─╮\n"
            "│ x              │\n"
            "╰────────────────╯\n");
}

TEST(Frame, WrapsAtBlanksAndHangs) {
  EXPECT_EQ(framed("T", {{"key  some words here", 1, 6}}, 20),
            "╭─────── T ────────╮\n"
            "│  key  some words │\n"
            "│       here       │\n"
            "╰──────────────────╯\n");
}

// Whatever is in it: every row has the same columns, none exceeds the width, and no text is lost.
TEST(Frame, HoldsAnyTextWithinItsWidth) {
  const std::vector<std::string> texts{"",
                                       " ",
                                       "    leading",
                                       std::string(300, 'x'),
                                       "一二三四五六七八九十一二三四五六七八九十",
                                       "e\u0301e\u0301e\u0301 cafe\u0301",
                                       "a \xff\xfe b",
                                       "words and " + std::string(50, 'y') + " words",
                                       "trailing   "};
  for (const int width : {12, 20, 21, 100}) {
    for (const std::string& text : texts) {
      for (const int indent : {0, 3, 50}) {
        const std::vector<std::string> rows = rows_of(framed("T", {{text, indent, indent + 2}}, width));
        ASSERT_GE(rows.size(), 3u);
        std::string joined;
        for (const std::string& row : rows) {
          EXPECT_EQ(columns_of(row), columns_of(rows.front())) << row;
          EXPECT_LE(columns_of(row), width) << row;
          joined += row;
        }
        std::string wanted = text;
        std::erase(wanted, ' ');
        std::string found;
        for (std::size_t i = 1; i + 1 < rows.size(); ++i) found += rows[i].substr(4, rows[i].size() - 8);
        std::erase(found, ' ');
        EXPECT_EQ(found, wanted);
      }
    }
  }
}

}  // namespace
}  // namespace brainsurgery
