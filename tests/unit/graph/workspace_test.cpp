// Names and their order, and that copies of a workspace do not see each other.
#include "brainsurgery/workspace.h"

#include <gtest/gtest.h>

namespace brainsurgery {
namespace {

Expr leaf(std::int64_t size) { return source(nullptr, 0, {DType::F32, {size}}); }

std::vector<std::string> keys(const StateDict& dict) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : dict.in_key_order()) names.emplace_back(name);
  return names;
}

StateDict of(const std::vector<std::string>& names) {
  StateDict dict;
  for (const std::string& name : names) dict.put(name, leaf(1));
  return dict;
}

TEST(StateDict, KeepsTheOrderOfCreation) {
  StateDict dict = of({"w", "a", "m"});
  EXPECT_EQ(keys(dict), (std::vector<std::string>{"w", "a", "m"}));
  dict.put("a", leaf(2));
  EXPECT_EQ(keys(dict), (std::vector<std::string>{"w", "a", "m"})) << "a new value keeps the place";
  dict.erase("w");
  dict.put("w", leaf(3));
  EXPECT_EQ(keys(dict), (std::vector<std::string>{"a", "m", "w"})) << "a new tensor of an old name does not";
  EXPECT_EQ(dict.names().begin()->first, "a") << "look-up is sorted";
}

TEST(StateDict, RenamingMovesToTheEndWithFreshCounts) {
  StateDict dict = of({"a", "b", "c"});
  dict.count("a", 2, 3);
  EXPECT_EQ(dict.find("a")->counts, (AccessCounts{2, 4}));
  const Expr before = dict.find("a")->expr;
  dict.rename("a", "z");
  EXPECT_EQ(keys(dict), (std::vector<std::string>{"b", "c", "z"}));
  EXPECT_EQ(dict.find("a"), nullptr);
  EXPECT_EQ(dict.find("z")->expr, before);
  EXPECT_EQ(dict.find("z")->counts, AccessCounts{});
}

TEST(StateDict, PutKeepsTheCountsOfAKnownName) {
  StateDict dict = of({"a"});
  dict.count("a", 1, 0);
  dict.put("a", leaf(5));
  EXPECT_EQ(dict.find("a")->counts, (AccessCounts{1, 1}));
}

TEST(StateDict, CopiesDoNotSeeEachOther) {
  StateDict first = of({"a", "b"});
  const StateDict before = first;
  EXPECT_EQ(before.find("a"), first.find("a")) << "shared until somebody writes";
  first.put("a", leaf(9));
  first.erase("b");
  first.put("c", leaf(1));
  StateDict second = before;
  second.rename("a", "d");
  second.count("b", 1, 1);
  EXPECT_EQ(keys(before), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(before.find("a")->expr.shape(), Shape({1}));
  EXPECT_EQ(before.find("b")->counts, AccessCounts{});
  EXPECT_EQ(keys(first), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(keys(second), (std::vector<std::string>{"b", "d"}));
}

TEST(Workspace, IsAValue) {
  Workspace first;
  first.add("model", of({"a"}));
  Workspace second = first;
  second.at("model").put("b", leaf(1));
  second.add("other", StateDict("other.safetensors"));
  EXPECT_EQ(keys(*first.find("model")), (std::vector<std::string>{"a"}));
  EXPECT_EQ(keys(*second.find("model")), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(first.find("other"), nullptr);
  EXPECT_EQ(second.find("other")->path(), "other.safetensors");
}

}  // namespace
}  // namespace brainsurgery
