#include "formats/duplicate_names.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace brainsurgery {
namespace {

TEST(DuplicateNames, AgreeWithASet) {
  std::mt19937 random(5);
  int found = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> names(random() % 12);
    for (std::string& name : names) name = std::to_string(random() % 40);
    const std::vector<std::string_view> views(names.begin(), names.end());
    const auto twice = find_duplicate(views);
    ASSERT_EQ(twice.has_value(), std::set<std::string>(names.begin(), names.end()).size() != names.size());
    if (!twice) continue;
    ++found;
    EXPECT_LT(twice->first, twice->second);
    EXPECT_EQ(names[twice->first], names[twice->second]);
  }
  EXPECT_GT(found, 100);
}

}  // namespace
}  // namespace brainsurgery
