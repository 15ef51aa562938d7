#include "describe/dump_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace brainsurgery {
namespace {

std::vector<DumpedTensor> named(const std::vector<std::string>& names) {
  std::vector<DumpedTensor> tensors;
  for (const std::string& name : names) {
    DumpedTensor& tensor = tensors.emplace_back();
    tensor.name = name;
    tensor.desc.shape = {1};
  }
  return tensors;
}

std::string text(DumpLayout layout, std::optional<std::string_view> root, const std::vector<DumpedTensor>& tensors) {
  std::string all;
  for (const std::string& line : dump_lines(layout, root, tensors)) all += line + "\n";
  return all;
}

// -- Recorded from the Python program --

TEST(Dump, CompactJoinsConsecutiveIndicesOfEqualContent) {
  std::vector<DumpedTensor> tensors = named({"h.0.w", "h.1.w", "h.10.w", "h.2.v", "h.2.w", "s"});
  tensors[3].desc.shape = {2, 3};
  tensors[5].desc.shape = {};
  EXPECT_EQ(text(DumpLayout::compact, "model", tensors),
            "└── model\n"
            "    ├── h\n"
            "    │   ├── [0-1]\n"
            "    │   │   └── w  shape=[1]\n"
            "    │   ├── [2]\n"
            "    │   │   ├── v  shape=[2, 3]\n"
            "    │   │   └── w  shape=[1]\n"
            "    │   └── [10]\n"
            "    │       └── w  shape=[1]\n"
            "    └── s  shape=[]\n");
}

TEST(Dump, TreeHasEveryIndex) {
  EXPECT_EQ(text(DumpLayout::tree, std::nullopt, named({"h.0", "h.1", "s"})),
            "├── h\n"
            "│   ├── [0]  shape=[1]\n"
            "│   └── [1]  shape=[1]\n"
            "└── s  shape=[1]\n");
}

TEST(Dump, WordsComeInTheOrderOfTheirNames) {
  EXPECT_EQ(text(DumpLayout::tree, std::nullopt, named({"a-b.c", "a..b", "a.c", "h.01.w", "h.10.w", "h.2.w"})),
            "├── a-b\n"
            "│   └── c  shape=[1]\n"
            "├── a\n"
            "│   ├── \n"
            "│   │   └── b  shape=[1]\n"
            "│   └── c  shape=[1]\n"
            "└── h\n"
            "    ├── [1]\n"
            "    │   └── w  shape=[1]\n"
            "    ├── [2]\n"
            "    │   └── w  shape=[1]\n"
            "    └── [10]\n"
            "        └── w  shape=[1]\n");
}

TEST(Dump, JsonSortsKeysAndFillsLists) {
  EXPECT_EQ(text(DumpLayout::json, "b", named({"x", "é\"\\", "h.2.w", "h.0.w"})),
            R"({"b":{"h":[{"w":{"shape":[1]}},null,{"w":{"shape":[1]}}],"x":{"shape":[1]},"\u00e9\"\\":{"shape":[1]}}})"
            "\n");
}

TEST(Dump, NothingIsAnEmptyTree) {
  EXPECT_EQ(text(DumpLayout::compact, "model", {}), "└── model\n");
  EXPECT_EQ(text(DumpLayout::json, "model", {}), "{\"model\":{}}\n");
  EXPECT_EQ(text(DumpLayout::json, std::nullopt, {}), "{}\n");
  EXPECT_EQ(text(DumpLayout::tree, std::nullopt, {}), "");
}

TEST(Dump, CompactLooksAtUnroundedNumbers) {
  std::vector<DumpedTensor> tensors = named({"0", "1", "2"});
  const double values[] = {1.0000001192092896, 1.000000238418579, 1.000000238418579};
  for (std::size_t i = 0; i < 3; ++i) {
    tensors[i].verbosity = Verbosity::stat;
    tensors[i].statistics = TensorStatistics{values[i], values[i], values[i]};
  }
  EXPECT_EQ(text(DumpLayout::compact, std::nullopt, tensors),
            "├── [0]  shape=[1] min=1 max=1 mean=1 reads=0 writes=1\n"
            "└── [1-2]  shape=[1] min=1 max=1 mean=1 reads=0 writes=1\n");
}

// -- Where the Python program fails or loses tensors --

TEST(Dump, ATensorThatIsAlsoABranchShowsBoth) {
  const auto tensors = named({"a", "a.b", "a.shape"});
  EXPECT_EQ(text(DumpLayout::compact, std::nullopt, tensors),
            "└── a  shape=[1]\n"
            "    ├── b  shape=[1]\n"
            "    └── shape  shape=[1]\n");
  EXPECT_EQ(text(DumpLayout::json, std::nullopt, tensors),
            R"({"a":{".shape":{"shape":[1]},"b":{"shape":[1]},"shape":[1]}})"
            "\n");
}

TEST(Dump, IndicesAndWordsMayStandTogether) {
  const auto tensors = named({"0.w", "h.0", "h.1", "h.01", "h.x"});
  EXPECT_EQ(text(DumpLayout::compact, std::nullopt, tensors),
            "├── [0]\n"
            "│   └── w  shape=[1]\n"
            "└── h\n"
            "    ├── [0-1]  shape=[1]\n"
            "    ├── 01  shape=[1]\n"
            "    └── x  shape=[1]\n");
  EXPECT_EQ(
      text(DumpLayout::json, std::nullopt, tensors),
      R"({"0":{"w":{"shape":[1]}},"h":{"0":{"shape":[1]},"01":{"shape":[1]},"1":{"shape":[1]},"x":{"shape":[1]}}})"
      "\n");
}

TEST(Dump, LargeIndicesTakeNoMemory) {
  const auto tensors = named({"h.0", "h.999999999999999999", "h.99999999999999999999999"});
  EXPECT_EQ(text(DumpLayout::tree, std::nullopt, tensors),
            "└── h\n"
            "    ├── [0]  shape=[1]\n"
            "    ├── [999999999999999999]  shape=[1]\n"
            "    └── 99999999999999999999999  shape=[1]\n");
  EXPECT_EQ(text(DumpLayout::json, std::nullopt, named({"h.0", "h.999999999999999999"})),
            R"({"h":{"0":{"shape":[1]},"999999999999999999":{"shape":[1]}}})"
            "\n");
}

TEST(Dump, LongNamesAreCutAtTheHundredthSegment) {
  std::string deep = "a";
  for (int i = 0; i < 10'000; ++i) deep += ".a";
  const auto tensors = named({deep, deep.substr(0, 2 * 99) + "a", deep.substr(0, 2 * 98) + "a", "b"});
  const auto lines = dump_lines(DumpLayout::tree, std::nullopt, tensors);
  EXPECT_EQ(lines.size(), 102);
  EXPECT_TRUE(nlohmann::json::accept(dump_lines(DumpLayout::json, std::nullopt, tensors)[0]));
}

TEST(Dump, ManyNamesTakeTimeInProportion) {
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i) names.push_back("layers." + std::to_string(i) + ".w");
  for (int i = 0; i < 100'000; ++i) names.push_back("flat_" + std::to_string(i));
  const auto tensors = named(names);
  EXPECT_EQ(dump_lines(DumpLayout::compact, "m", tensors).size(), 100'004);
  EXPECT_EQ(dump_lines(DumpLayout::tree, "m", tensors).size(), 300'002);
  EXPECT_EQ(nlohmann::json::parse(dump_lines(DumpLayout::json, "m", tensors)[0])["m"].size(), 100'001);
}

// -- Random trees --

// The names of a tree layout, found by its indentation.
std::multiset<std::string> names_in_tree(const std::vector<std::string>& lines) {
  std::multiset<std::string> names;
  std::vector<std::string> path;
  for (const std::string& line : lines) {
    std::size_t at = 0, depth = 0;
    while (line.compare(at, 4, "    ") == 0 || line.compare(at, 6, "│   ") == 0) {
      at += line[at] == ' ' ? 4 : 6;
      ++depth;
    }
    at += std::string_view("├── ").size();
    const std::size_t end = line.find("  shape=", at);
    std::string label = line.substr(at, end == std::string::npos ? end : end - at);
    path.resize(depth);
    const bool is_range = label.starts_with('[');
    if (is_range) label = label.substr(1, label.size() - 2);
    path.push_back(label);
    if (end == std::string::npos) continue;
    // All combinations of what ranges stand for.
    std::vector<std::string> found{""};
    for (const std::string& segment : path) {
      std::vector<std::string> extended;
      const std::size_t dash = segment.find('-');
      const auto add = [&](const std::string& label_of_one) {
        for (const std::string& before : found) extended.push_back(before + "." + label_of_one);
      };
      if (dash == std::string::npos) {
        add(segment);
      } else {
        for (int i = std::stoi(segment); i <= std::stoi(segment.substr(dash + 1)); ++i) add(std::to_string(i));
      }
      found = std::move(extended);
    }
    for (const std::string& name : found) names.insert(name.substr(1));
  }
  return names;
}

void collect_names(const nlohmann::json& node, const std::string& path, std::multiset<std::string>& names) {
  if (node.is_null()) return;
  if (node.is_array()) {
    for (std::size_t i = 0; i < node.size(); ++i) collect_names(node[i], path + "." + std::to_string(i), names);
    return;
  }
  for (const auto& [key, child] : node.items()) {
    if (key == "shape" && child.is_array() && (child.empty() || child[0].is_number())) {
      names.insert(path.substr(1));
    } else {
      collect_names(child, path + "." + (key == ".shape" ? "shape" : key), names);
    }
  }
}

TEST(Dump, EveryLayoutHoldsEveryTensorOnce) {
  std::mt19937 engine(3);
  const std::vector<std::string> segments{"0", "1", "2", "3", "10", "4711", "a", "b", "shape", "", "w+", "z:z", "é"};
  for (int round = 0; round < 500; ++round) {
    std::set<std::string> names;
    const std::size_t kinds = 1 + engine() % segments.size();
    for (std::size_t i = engine() % 40; i > 0; --i) {
      std::string name = segments[engine() % kinds];
      for (std::size_t more = engine() % 4; more > 0; --more) name += "." + segments[engine() % kinds];
      names.insert(name);
    }
    std::vector<DumpedTensor> tensors = named({names.begin(), names.end()});
    for (DumpedTensor& tensor : tensors) tensor.desc.shape.resize(engine() % 2, 2);
    std::ranges::shuffle(tensors, engine);
    const std::multiset<std::string> expected(names.begin(), names.end());
    EXPECT_EQ(names_in_tree(dump_lines(DumpLayout::tree, std::nullopt, tensors)), expected);
    EXPECT_EQ(names_in_tree(dump_lines(DumpLayout::compact, std::nullopt, tensors)), expected);
    std::multiset<std::string> in_json;
    collect_names(nlohmann::json::parse(dump_lines(DumpLayout::json, std::nullopt, tensors)[0]), "", in_json);
    EXPECT_EQ(in_json, expected);
  }
}

}  // namespace
}  // namespace brainsurgery
