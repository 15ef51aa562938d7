#include "formats/json_cursor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

// "" when the whole text is one JSON value, else the reason.
std::string refusal(const std::string& text) {
  const std::string message = testing::message_of([&] {
    JsonCursor json(text, "c");
    json.skip_value();
    json.finish();
  });
  return message.empty() ? "" : message.substr(3);
}

TEST(JsonCursor, PullsValuesInOrder) {
  JsonCursor json(
      R"( { "a" : [ 1 , 18446744073709551615 , -1, 1e3 ] , "b":null,"c\t":"x\ud83e\udde0\/", "d":{}, "e":[] } )", "c");
  json.enter_object();
  EXPECT_EQ(json.next_key(), "a");
  EXPECT_EQ(json.peek(), JsonCursor::Kind::array);
  json.enter_array();
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.unsigned_integer(), 1u);
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.unsigned_integer(), ~0ull);
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.unsigned_integer(), std::nullopt);
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.unsigned_integer(), std::nullopt);
  EXPECT_FALSE(json.next_element());
  EXPECT_EQ(json.next_key(), "b");
  json.null();
  EXPECT_EQ(json.next_key(), "c\t");
  EXPECT_EQ(json.string(), "x🧠/");
  EXPECT_EQ(json.next_key(), "d");
  json.enter_object();
  EXPECT_EQ(json.next_key(), std::nullopt);
  EXPECT_EQ(json.next_key(), "e");
  json.skip_value();
  EXPECT_EQ(json.next_key(), std::nullopt);
  json.finish();
}

TEST(JsonCursor, RefusesWhatIsNotJson) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "not valid JSON at byte 0: the text ends too early"},
      {"[1,]", "not valid JSON at byte 3: a comma with nothing after it"},
      {"[1 2]", "not valid JSON at byte 3: expected ',' or ']'"},
      {"{\"a\" 1}", "not valid JSON at byte 5: expected ':'"},
      {"{a:1}", "not valid JSON at byte 1: expected a string"},
      {"[01]", "not valid JSON at byte 2: a number with a leading zero"},
      {"[1.]", "not valid JSON at byte 3: a number without digits"},
      {"[-]", "not valid JSON at byte 2: a number without digits"},
      {"[1e+]", "not valid JSON at byte 4: a number without digits"},
      {"[+1]", "not valid JSON at byte 1: expected a value"},
      {"[NaN]", "not valid JSON at byte 1: expected a value"},
      {"[nul]", "not valid JSON at byte 1: expected null"},
      {"[truE]", "not valid JSON at byte 1: expected a value"},
      {"\"a", "not valid JSON at byte 2: a string without end"},
      {"\"\\", "not valid JSON at byte 2: a string without end"},
      {"\"\\x\"", "not valid JSON at byte 3: unknown escape in a string"},
      {"\"\\u12\"", "not valid JSON at byte 3: unfinished \\u escape"},
      {"\"\\u-123\"", "not valid JSON at byte 3: a \\u escape needs four hex digits"},
      {"\"\\ud800\"", "not valid JSON at byte 7: half of a surrogate pair"},
      {"\"\\udc00\"", "not valid JSON at byte 7: half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", "not valid JSON at byte 13: half of a surrogate pair"},
      {"\"a\nb\"", "not valid JSON at byte 2: control character in a string"},
      {"\"\\n\n\"", "not valid JSON at byte 3: control character in a string"},
      {"/**/1", "not valid JSON at byte 0: expected a value"},
      {"\"\xC0\xAF\"", "not valid UTF-8 at byte 1"},
      {"\"0123456789\xED\xA0\x80\"", "not valid UTF-8 at byte 11"},
      {"1 1", "not valid JSON at byte 2: text after the end"},
  };
  for (const auto& [text, reason] : rows) EXPECT_EQ(refusal(text), reason) << text;
}

TEST(JsonCursor, BoundsTheDepth) {
  EXPECT_EQ(refusal(std::string(128, '[') + std::string(128, ']')), "");
  EXPECT_EQ(refusal(std::string(129, '[') + std::string(129, ']')),
            "not valid JSON at byte 128: nested more than 128 deep");
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), "not valid JSON at byte 128: nested more than 128 deep");
}

// Random damage to a valid text: another parser says what is still JSON.
TEST(JsonCursor, AgreesWithAnotherParser) {
  const std::string valid = R"({"a":[1,-2.5e-3,0,"x\"\u00e9é"],"b":{"c":null,"d":[true,false,{}]},"":"\\"})";
  const std::string bytes = "{}[]\",:\\u0019eE+-. tn\n\xC3\xA9\x01";
  std::mt19937 random(3);
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = valid;
    for (auto edits = 1 + random() % 2; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = bytes[random() % bytes.size()];
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, bytes[random() % bytes.size()]);
      }
    }
    const bool ours = refusal(text).empty();
    ASSERT_EQ(ours, nlohmann::json::accept(text)) << text;
    accepted += ours;
  }
  EXPECT_GT(accepted, 500);
}

TEST(JsonText, WritesWhatOtherParsersRead) {
  std::string text;
  for (int c = 0; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  text += "é\u2028🧠";
  for (const JsonEscapes escapes : {JsonEscapes::controls_only, JsonEscapes::ascii}) {
    std::string json;
    append_json_string(json, text, escapes);
    EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), text);
    JsonCursor cursor(json, "c");
    EXPECT_EQ(cursor.string(), text);
  }
  std::string json;
  append_json_string(json, "\x7f é 🧠 /", JsonEscapes::ascii);
  EXPECT_EQ(json, R"("\u007f \u00e9 \ud83e\udde0 /")");
}

TEST(JsonText, QuotesNamesOnOneShortLine) {
  EXPECT_EQ(in_quotes("a b"), "'a b'");
  EXPECT_EQ(in_quotes("a\nb\x1b[0m"), "'a\\x0ab\\x1b[0m'");
  EXPECT_EQ(in_quotes(std::string(1000, 'a') + "z"), "'" + std::string(70, 'a') + "..." + std::string(69, 'a') + "z'");
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += "é";
  EXPECT_EQ(in_quotes("a" + wide).find("\\x"), std::string::npos);
}

}  // namespace
}  // namespace brainsurgery
