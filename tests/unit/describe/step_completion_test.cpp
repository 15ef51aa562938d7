#include "describe/step_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "describe/open_text.h"
#include "unit/describe/small_catalog.h"

namespace brainsurgery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

const Catalog& catalog() {
  static const Catalog made = testing::small_catalog();
  return made;
}

Completion completion(std::string_view text) {
  const NameSources sources{.references = [](std::string_view) { return Words{"wpe", "wte", "ln"}; },
                            .paths = [](std::string_view) { return Words{"a.txt", "sub/"}; }};
  return complete_steps(catalog(), sources, text);
}

Words words(std::string_view text) { return completion(text).words; }

TEST(CompleteSteps, OffersStepsWhereOneBegins) {
  EXPECT_THAT(words(""), ElementsAre("blur: ", "check: ", "look: ", "stop"));
  EXPECT_THAT(words("b"), ElementsAre("blur: "));
  EXPECT_THAT(words("- b"), ElementsAre("blur: "));
  EXPECT_THAT(words("- blur:\n    from: a\n    to: b\n    by: 1\n- l"), ElementsAre("look: "));
  EXPECT_THAT(words("x"), IsEmpty());
}

TEST(CompleteSteps, OffersKeysThatAreNotThereYet) {
  EXPECT_THAT(words("blur: "), ElementsAre("by: ", "dtype: ", "each: ", "except: ", "from: ", "optional: ", "to: ", "when: ", "where: "));
  EXPECT_THAT(words("blur: f"), ElementsAre("from: "));
  EXPECT_THAT(words("blur: from: wte, t"), ElementsAre("to: "));
  EXPECT_THAT(words("blur: from: wte, f"), IsEmpty()) << "it is there";
  EXPECT_THAT(words("blur: {from: wte, t"), ElementsAre("to: "));
  EXPECT_THAT(words("- blur:\n    from: wte\n    t"), ElementsAre("to: "));
  EXPECT_THAT(words("- blur: {from: wte,\n    t"), ElementsAre("to: "));
  EXPECT_THAT(words("[{blur: {from: wte, t"), ElementsAre("to: "));
  EXPECT_THAT(words("- blur:\n    d"), ElementsAre("dtype: "));
  EXPECT_THAT(words("blur:"), ::testing::Contains(" from: ")) << "the blank behind the colon is added";
}

TEST(CompleteSteps, OffersWordsOfValues) {
  EXPECT_THAT(words("blur: from: w"), ElementsAre("wpe", "wte"));
  EXPECT_THAT(words("blur: {from: w"), ElementsAre("wpe", "wte"));
  EXPECT_THAT(words("- blur:\n    from: l"), ElementsAre("ln"));
  EXPECT_THAT(words("blur: from: 'l"), ElementsAre("ln"));
  EXPECT_THAT(words("blur: from: a, dtype: bf"), ElementsAre("bf16", "bfloat16"));
  EXPECT_THAT(words("look: path: s"), ElementsAre("sub/"));
  EXPECT_THAT(words("look: s"), ElementsAre("sub/")) << "the step's short form";
  EXPECT_THAT(words("look: path: a.txt, loud: t"), ElementsAre("true"));
  EXPECT_THAT(words("blur: by: 1"), IsEmpty());
}

TEST(CompleteSteps, LeadsFromAWordThatIsCompleteToTheNextKey) {
  EXPECT_THAT(words("look: path: a.txt"), ElementsAre("a.txt, each: ", "a.txt, loud: ", "a.txt, when: "));
  EXPECT_THAT(words("look: {path: a.txt"), ElementsAre("a.txt, each: ", "a.txt, loud: ", "a.txt, when: ", "a.txt}"));
  EXPECT_THAT(words("look: {path: a.txt "), ElementsAre(", each: ", ", loud: ", ", when: ", "}"));
  EXPECT_THAT(words("look: {path: 'a.txt'"), ElementsAre(", each: ", ", loud: ", ", when: ", "}"));
  EXPECT_THAT(words("- look:\n    path: a.txt"), ElementsAre("a.txt")) << "the next key has a line of its own";
}

TEST(CompleteSteps, FollowsNestedOperators) {
  EXPECT_THAT(words("check: n"), ElementsAre("near: "));
  EXPECT_THAT(words("check: near: {of: wte, l"), ElementsAre("low: "));
  EXPECT_THAT(words("check: near: "), ElementsAre("{high: ", "{low: ", "{of: "));
  EXPECT_THAT(words("check: near: {of: w"), ElementsAre("wpe", "wte"));
  EXPECT_THAT(words("- check:\n    near:\n      of: l"), ElementsAre("ln"));
  EXPECT_THAT(words("- check: {near: {h"), ElementsAre("high: "));
}

TEST(CompleteSteps, SaysWhatTheWordsReplace) {
  EXPECT_EQ(completion("blur: from: w").begin, 12u);
  EXPECT_EQ(completion("blur: from: 'w").begin, 13u);
  EXPECT_EQ(completion("blur: ").begin, 6u);
  EXPECT_EQ(completion("- blur:\n    fr").begin, 12u);
}

TEST(CompleteSteps, HintsAtWhatIsMissing) {
  EXPECT_EQ(hint_for_steps(catalog(), ""), "");
  EXPECT_EQ(hint_for_steps(catalog(), "blu"), "r: ");
  EXPECT_EQ(hint_for_steps(catalog(), "blur: "), "from: ..., to: ..., by: ...");
  EXPECT_EQ(hint_for_steps(catalog(), "blur: from: a, "), "to: ..., by: ...");
  EXPECT_EQ(hint_for_steps(catalog(), "blur: from: a "), ", to: ..., by: ...");
  EXPECT_EQ(hint_for_steps(catalog(), "blur: from: "), "(reference)");
  EXPECT_EQ(hint_for_steps(catalog(), "blur: from: a, dtype: bfl"), "oat16");
}

// No text makes the outline lose its place: every prefix of anything is looked at.
TEST(ScanOpenText, TakesEveryText) {
  const std::string pieces[] = {"- ", "a", ": ", "{", "}", "[", "]", ", ", "'", "\"", "\n", "  ", "#", ":", "-", "\\"};
  unsigned state = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      state = state * 1103515245 + 12345;
      text += pieces[(state >> 16) % std::size(pieces)];
    }
    const OpenText open = scan_open_text(text);
    ASSERT_LE(open.begin, text.size()) << text;
    ASSERT_EQ(open.word, text.substr(open.begin)) << text;
    static_cast<void>(words(text));
  }
}

}  // namespace
}  // namespace brainsurgery
