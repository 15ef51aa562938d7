#include "session/tie_records.h"

#include <gtest/gtest.h>

#include "brainsurgery/expr.h"

namespace brainsurgery {
namespace {

StateDict names_of(const std::vector<std::string>& names) {
  StateDict dict("x");
  for (const std::string& name : names) dict.put(name, literal({DType::U8, {1}}, {std::byte{1}}));
  return dict;
}

TEST(TieRecords, AreNamesThatAreNotThere) {
  const Metadata metadata{{"format", "pt"}, {"head", "emb"}, {"emb", "other"}, {"lost", "gone"}};
  EXPECT_EQ(recorded_ties(metadata, names_of({"emb", "other"})), std::set<std::string>{"head"});
}

TEST(TieRecords, AreRemovedOnceTheyAreNotTrue) {
  const Metadata before{{"format", "pt"}, {"head", "emb"}};
  const auto removed = [&](const std::vector<std::string>& names) {
    Metadata after = before;
    const Metadata stale = remove_stale_ties(after, {"head"}, names_of(names));
    EXPECT_EQ(after.size() + stale.size(), before.size());
    return stale;
  };
  EXPECT_EQ(removed({"emb", "more"}), Metadata{});
  EXPECT_EQ(removed({"moved"}), (Metadata{{"head", "emb"}}));
  EXPECT_EQ(removed({"emb", "head"}), (Metadata{{"head", "emb"}}));
}

TEST(TieRecords, DoNotReplaceWhatTheMetadataSay) {
  Metadata metadata{{"format", "pt"}};
  record_dropped({{"format", "a"}, {"b", "a"}}, metadata);
  EXPECT_EQ(metadata, (Metadata{{"format", "pt"}, {"b", "a"}}));
}

}  // namespace
}  // namespace brainsurgery
