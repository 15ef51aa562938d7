#include "describe/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/field_values.h"
#include "unit/describe/small_catalog.h"

namespace brainsurgery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

TEST(CompleteNames, GroupsWhatIsTooMuch) {
  Words names{"wte.weight"};
  for (int layer = 0; layer < 30; ++layer) {
    names.push_back("h." + std::to_string(layer) + ".w");
    names.push_back("h." + std::to_string(layer) + ".b");
  }
  EXPECT_THAT(complete_names(names, ""), ElementsAre("h.", "wte.weight"));
  EXPECT_THAT(complete_names(names, "w"), ElementsAre("wte.weight"));
  EXPECT_THAT(complete_names(names, "h.29"), ElementsAre("h.29.b", "h.29.w"));
  EXPECT_EQ(complete_names(names, "h").size(), 30u) << "one group is no choice: its members";
  EXPECT_EQ(complete_names(names, "h.").size(), 30u);
  EXPECT_THAT(complete_names(names, "x"), IsEmpty());
}

// Whatever is chosen again and again ends at a name.
TEST(CompleteNames, EveryChoiceLeadsOn) {
  Words names;
  for (int i = 0; i < 1000; ++i)
    names.push_back("a." + std::to_string(i % 7) + "." + std::to_string(i) + (i % 2 == 0 ? ".w" : ""));
  Words open{""};
  std::size_t reached = 0;
  while (!open.empty()) {
    const std::string word = open.back();
    open.pop_back();
    for (const std::string& candidate : complete_names(names, word)) {
      EXPECT_TRUE(candidate.starts_with(word));
      if (std::ranges::find(names, candidate) != names.end()) {
        ++reached;
      } else {
        ASSERT_GT(candidate.size(), word.size());
        open.push_back(candidate);
      }
    }
  }
  EXPECT_EQ(reached, names.size());
}

Words complete(
    const std::string& yaml, std::string_view word, const ReferenceNames& names = [] { return Words(); }) {
  Diagnostics diagnostics;
  const YamlPtr root = parse_yaml(std::make_shared<SourceText>(SourceText{"plan", yaml}), diagnostics);
  return complete_assignment(testing::small_catalog(), *root, names, word);
}

const std::string kPlan =
    "{x-n: 1, inputs: [a, b], transforms: [{blur: {from: a}}, {look: a.txt}, stop, {nothing: {}}], output: x}";

TEST(CompleteAssignment, OffersThePlacesOfThePlan) {
  EXPECT_THAT(complete(kPlan, "inp"), ElementsAre("inputs[0]=", "inputs[1]="));
  EXPECT_THAT(complete(kPlan, "x"), ElementsAre("x-n="));
  EXPECT_THAT(complete(kPlan, "transforms[0]"), ElementsAre("transforms[0].blur.by=", "transforms[0].blur.dtype=",
                                                            "transforms[0].blur.each=", "transforms[0].blur.except=",
                                                            "transforms[0].blur.from=", "transforms[0].blur.optional=",
                                                            "transforms[0].blur.to=", "transforms[0].blur.when=",
                                                            "transforms[0].blur.where="));
  EXPECT_THAT(complete(kPlan, "transforms[1]"),
              ElementsAre("transforms[1].look.each=", "transforms[1].look.loud=", "transforms[1].look.path=",
                          "transforms[1].look.when=", "transforms[1].look="));
  EXPECT_THAT(complete(kPlan, "transforms[2]"), IsEmpty());
  EXPECT_THAT(complete("{}", "output.o"), ElementsAre("output.overwrite="));
  EXPECT_THAT(complete("", "output.f"), ElementsAre("output.format="));
  EXPECT_THAT(complete("", "output.metadata."), ElementsAre("output.metadata.drop=", "output.metadata.set="));
  EXPECT_THAT(complete("output: {metadata: {set: {author: x}, drop: [a]}}", "output.metadata."),
              ElementsAre("output.metadata.drop=", "output.metadata.drop[0]=", "output.metadata.set.author=",
                          "output.metadata.set="));
}

TEST(CompleteAssignment, FollowsOperators) {
  const std::string plan = "{transforms: [{check: {both: [{near: {of: a}}]}}]}";
  EXPECT_THAT(complete(plan, "transforms[0].check.both[0]"),
              ElementsAre("transforms[0].check.both[0].near.high=", "transforms[0].check.both[0].near.low=",
                          "transforms[0].check.both[0].near.of="));
}

TEST(CompleteAssignment, OffersWhatTheFieldTakes) {
  EXPECT_THAT(complete(kPlan, "transforms[0].blur.dtype=bf"),
              ElementsAre("transforms[0].blur.dtype=bf16", "transforms[0].blur.dtype=bfloat16"));
  EXPECT_THAT(complete(kPlan, "transforms[1].look.loud="),
              ElementsAre("transforms[1].look.loud=false", "transforms[1].look.loud=true"));
  EXPECT_THAT(complete("", "output.format="), ElementsAre("output.format=numpy", "output.format=safetensors"));
  EXPECT_THAT(complete(kPlan, "transforms[0].blur.by="), IsEmpty());
  EXPECT_THAT(complete(kPlan, "nowhere="), IsEmpty());
  EXPECT_THAT(complete(kPlan, "transforms[0].blur.from=w",
                       [] {
                         return Words{"wte", "wpe", "h"};
                       }),
              ElementsAre("transforms[0].blur.from=wpe", "transforms[0].blur.from=wte"));
}

TEST(CompleteAssignment, LooksAtTensorsOnlyForReferences) {
  bool asked = false;
  const ReferenceNames names = [&] {
    asked = true;
    return Words();
  };
  static_cast<void>(complete(kPlan, "transforms[0].blur.", names));
  static_cast<void>(complete(kPlan, "transforms[0].blur.dtype=", names));
  EXPECT_FALSE(asked);
}

TEST(CompleteTopic, KnowsStepsAndOperators) {
  const Catalog catalog = testing::small_catalog();
  EXPECT_THAT(complete_topic(catalog, std::nullopt, ""), ElementsAre("blur", "check", "inputs", "look", "modifiers", "output", "stop"));
  EXPECT_THAT(complete_topic(catalog, "check", "n"), ElementsAre("near"));
  EXPECT_THAT(complete_topic(catalog, "blur", ""), IsEmpty());
}

struct MixSpec {
  std::vector<Binding> names;
};

TEST(CompleteAssignment, KeysOfAMappingAreThoseThatThePlanHas) {
  SchemaBuilder<MixSpec> mix("mix", {"Mixes.", "", "mix: {names: {a: w}}"});
  add_bindings(mix, &MixSpec::names, "names", roles::paired_source()).doc("Names.");
  const Catalog catalog = make_catalog({mix.schema()}, {}, {{}, {"safetensors"}});
  Diagnostics diagnostics;
  const auto text =
      std::make_shared<SourceText>(SourceText{"plan", "{transforms: [{mix: {names: {a: w, b: '= a'}}}]}"});
  const YamlPtr root = parse_yaml(text, diagnostics);
  const ReferenceNames names = [] { return Words{"wte", "wpe", "ln"}; };
  EXPECT_THAT(complete_assignment(catalog, *root, names, "transforms[0].mix.names."),
              ElementsAre("transforms[0].mix.names.a=", "transforms[0].mix.names.b="));
  EXPECT_THAT(complete_assignment(catalog, *root, names, "transforms[0].mix.names.a=w"),
              ElementsAre("transforms[0].mix.names.a=wpe", "transforms[0].mix.names.a=wte"));
}

}  // namespace
}  // namespace brainsurgery
