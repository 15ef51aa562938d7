// Against std::map, with copies taken at random that must not change.
#include "brainsurgery/name_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace brainsurgery {
namespace {

using Pairs = std::vector<std::pair<std::string, int>>;
using Model = std::map<std::string, int, std::less<>>;

template <typename Map>
Pairs pairs(const Map& map) {
  return {map.begin(), map.end()};
}

void put(NameMap<int>& map, const std::string& name, int value) {
  const auto at = map.lower_bound(name);
  if (at != map.end() && at->first == name) {
    map.value(at) = value;
  } else {
    map.insert(at, name, value);
  }
}

TEST(NameMap, IsAMapWhoseCopiesStay) {
  std::mt19937 random(3);
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  NameMap<int> map;
  Model model;
  std::vector<std::pair<NameMap<int>, Pairs>> copies;
  for (int round = 0; round < 20000; ++round) {
    const std::string name = std::to_string(below(700));
    // Mostly growing, then mostly shrinking: blocks are split and vanish.
    if (below(10) < (round / 2000 % 2 == 0 ? 8 : 3)) {
      put(map, name, round);
      model[name] = round;
    } else if (const auto at = map.find(name); at != map.end()) {
      map.erase(at);
      model.erase(name);
    }
    if (below(200) == 0) copies.emplace_back(map, pairs(model));
    const auto found = map.lower_bound(name);
    const auto expected = model.lower_bound(name);
    ASSERT_EQ(found == map.end(), expected == model.end());
    if (expected != model.end()) {
      ASSERT_EQ(found->first, expected->first);
    }
  }
  EXPECT_EQ(pairs(map), pairs(model));
  EXPECT_EQ(map.size(), model.size());
  for (const auto& [copy, content] : copies) EXPECT_EQ(pairs(copy), content);
  while (!map.empty()) map.erase(map.begin());
  EXPECT_EQ(map.begin(), map.end());
}

TEST(NameMap, TakesNamesInAnyOrder) {
  NameMap<int> up, down, between;
  put(between, "a", 0);
  put(between, "z", 0);
  const auto name = [](int i) { return "n" + std::to_string(1000 + i); };
  for (int i = 0; i < 1000; ++i) {
    put(up, name(i), i);
    put(down, name(999 - i), 999 - i);
    put(between, name(i), i);
  }
  EXPECT_EQ(pairs(up), pairs(down));
  EXPECT_EQ(between.size(), 1002u);
  EXPECT_EQ(between.lower_bound("n1500")->second, 500);
}

}  // namespace
}  // namespace brainsurgery
