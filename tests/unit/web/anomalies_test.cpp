#include "web/anomalies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brainsurgery::web {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TensorRecord record(const std::string& name, const std::string& dtype = "float32", Shape shape = {4, 4}) {
  static std::int64_t offset = 0;
  TensorRecord made{{name, dtype, std::move(shape), true, 64}, {"a.safetensors", offset += 64, ""}, {}, {}, 0, 0, {}};
  made.elements = {16, 0, 0, 0, -1.0, 1.0, 0.0, 0.5, 2.0};
  return made;
}

std::vector<std::string> kinds(const std::vector<TensorRecord>& records) {
  std::vector<std::string> found;
  for (const Anomaly& anomaly : anomalies_of(records)) found.push_back(anomaly.kind);
  return found;
}

TEST(Numbered, TakesTheFirstNumberBetweenJoints) {
  EXPECT_EQ(numbered("h.12.attn")->kind, "h.*.attn");
  EXPECT_EQ(numbered("h.12.attn")->number, 12);
  EXPECT_EQ(numbered("layer_3")->kind, "layer_*");
  EXPECT_EQ(numbered("0.weight")->kind, "*.weight");
  EXPECT_EQ(numbered("ln1.h.2")->kind, "ln1.h.*");
  EXPECT_FALSE(numbered("ln1.weight"));
  EXPECT_FALSE(numbered("h.99999999999.x"));
}

TEST(Anomalies, OrdinaryModelsHaveNone) {
  EXPECT_THAT(kinds({record("wte"), record("h.0.w"), record("h.1.w"), record("h.2.w")}), IsEmpty());
}

TEST(Anomalies, ValuesThatNobodyWants) {
  TensorRecord bad = record("w");
  bad.elements.nan = 2;
  bad.elements.infinite = 1;
  bad.dead_rows = 3;
  bad.outliers = 4;
  EXPECT_THAT(kinds({bad}), ElementsAre("NaN", "infinite", "dead rows", "outliers"));
  EXPECT_EQ(anomalies_of({bad}).front().what, "2 elements in [4, 4]");
}

TEST(Anomalies, GapsInNumbering) {
  const auto found = anomalies_of({record("h.0.w"), record("h.1.w"), record("h.4.w")});
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].what, "3 numbers, without 2, 3");
  EXPECT_THAT(found[0].names, ElementsAre("h.*.w"));
}

TEST(Anomalies, OneUnlikeTheOthersOfItsKind) {
  const auto found = anomalies_of({record("h.0.w"), record("h.1.w", "float16"), record("h.2.w"), record("h.3.w", "float32", {8})});
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].what, "float16, while most of h.*.w are float32");
  EXPECT_THAT(found[0].names, ElementsAre("h.1.w"));
  EXPECT_EQ(found[1].what, "[8], while most of h.*.w are [4, 4]");
}

TEST(Anomalies, TiedTensorsAreNoDuplicates) {
  TensorRecord first = record("wte"), second = record("lm_head");
  second.origin = first.origin;
  EXPECT_THAT(kinds({first, second}), ElementsAre("tied"));
  EXPECT_THAT(likely_duplicates({first, second}), IsEmpty());
}

TEST(Anomalies, DuplicatesLookAlike) {
  TensorRecord first = record("a"), second = record("b"), other = record("c"), constant = record("d"), again = record("e");
  other.elements.l2 = 3.0;
  constant.elements.max = again.elements.max = -1.0;
  EXPECT_THAT(likely_duplicates({first, second, other, constant, again}), ElementsAre(std::pair<std::string, std::string>("a", "b")));
}

}  // namespace
}  // namespace brainsurgery::web
