#include "documents/json_value.h"

#include <gtest/gtest.h>

#include "brainsurgery/error.h"
#include "documents/document.h"

namespace brainsurgery {
namespace {

std::string problem_of(const std::string& text) {
  try {
    static_cast<void>(parse_json(text, "'c'"));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(JsonText, KeepsTheSpellingOfScalarsAndTheOrderOfKeys) {
  const std::string text =
      "{\n  \"b\": 1e-5,\n  \"a\": [\n    NaN,\n    -Infinity,\n    1.0,\n    123456789012345678901234567890\n  ],\n"
      "  \"\\u00e9\": \"\\u00E9 \xc3\xa9 \\/\",\n  \"o\": {},\n  \"l\": []\n}\n";
  EXPECT_EQ(to_text(parse_json(text, "")), text);
  EXPECT_EQ(to_text(parse_json(" {\"b\":1E+5 , \"a\":[ ] }\r\n", "")), "{\n  \"b\": 1E+5,\n  \"a\": []\n}\n");
}

TEST(JsonText, RefusesWhatIsNoJson) {
  EXPECT_EQ(problem_of("{\"a\": 1,\n \"a\": 2}"), "'c': not valid JSON at line 2, column 5: the key \"a\" stands here twice");
  EXPECT_EQ(problem_of("{\"a\": 1, \"\\u0061\": 2}"), "'c': not valid JSON at line 1, column 18: the key \"\\u0061\" stands here twice");
  EXPECT_EQ(problem_of("{\"a\": \"\xff\"}"), "'c': not valid UTF-8");
  EXPECT_EQ(problem_of("\"\\ud800\""), "'c': not valid JSON at line 1, column 8: half of a surrogate pair");
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "{\"a\":}", "01", "1.", "-", "+1", "nan", "tru", "'a'", "\"a", "\"\\x\"",
                           "[1] 2", "{a: 1}", "\"\\ud800\\u0041\"", "\"\t\"", "[1 2]", "1e", "\"\\u12\""})
    EXPECT_NE(problem_of(text), "") << text;
  EXPECT_NE(problem_of(std::string("1\0", 2)), "");
}

TEST(JsonText, HasLimits) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(problem_of(nested(128)), "");
  EXPECT_EQ(problem_of(nested(129)), "'c': not valid JSON at line 1, column 129: nested more than 128 deep");
  EXPECT_NE(problem_of(std::string(10'000'000, '[')), "");
  EXPECT_EQ(problem_of(std::string(kMaxDocumentBytes + 1, ' ')), "'c': more than 16777216 bytes");
  std::string many = "[0";
  for (int i = 0; i < 1'000'000; ++i) many += ",0";
  EXPECT_NE(problem_of(many + "]").find("more than 1000000 values"), std::string::npos);
}

TEST(JsonPaths, LeadThroughObjectsAndLists) {
  JsonValue root = parse_json(R"({"a": {"b.c": [1, {"d": 2}]}})", "");
  EXPECT_EQ(find_at(root, *parse_json_path("a.b\\.c.1.d"))->integer(), 2);
  EXPECT_EQ(find_at(root, *parse_json_path("a.b\\.c.2")), nullptr);
  EXPECT_EQ(to_string(*parse_json_path("a.b\\.c.1.d")), "a.b\\.c.1.d");
  for (const char* text : {"", ".", "a.", ".a", "a..b"}) EXPECT_FALSE(parse_json_path(text)) << text;
  set_at(root, *parse_json_path("x.y.z"), json_boolean(true));
  set_at(root, *parse_json_path("a.b\\.c.0"), json_string("q\"\xc3\xa9"));
  EXPECT_TRUE(erase_at(root, *parse_json_path("a.b\\.c.1")));
  EXPECT_FALSE(erase_at(root, *parse_json_path("a.nothing")));
  EXPECT_EQ(shown(root), R"({"a": {"b.c": ["q\"\u00e9"]}, "x": {"y": {"z": true}}})");
  EXPECT_THROW(set_at(root, *parse_json_path("a.b\\.c.0.d"), json_integer(1)), Error);
  EXPECT_THROW(set_at(root, *parse_json_path("a.b\\.c.7"), json_integer(1)), Error);
}

TEST(JsonDocument, RemembersWhatWasChanged) {
  Document document = parse_document("config.json", R"({"a": 1, "t": {"l": 2}})", "'c'");
  document.set({"a"}, json_integer(2));
  document.set({"t", "l"}, json_integer(2), true);  // as it is
  EXPECT_TRUE(document.erase({"t"}));
  EXPECT_FALSE(document.erase({"t"}));
  EXPECT_EQ(document.changes, (std::vector<DocumentChange>{{"config.json", "a", "1", "2", false},
                                                           {"config.json", "t", R"({"l": 2})", "", false}}));
  EXPECT_TRUE(document.was_edited({"a"}));
  EXPECT_TRUE(document.was_edited({"t", "l"}));
  EXPECT_FALSE(document.was_edited({"ab"}));
  EXPECT_THROW(static_cast<void>(parse_document("c", "[]", "c")), Error);
}

}  // namespace
}  // namespace brainsurgery
