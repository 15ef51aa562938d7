// Any bytes as YAML: a tree or messages; what is printed of a tree reads back as the same tree.
#include <algorithm>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "plan/yaml_printer.h"

using namespace brainsurgery;

namespace {

bool is_utf8(const YamlNode& node) {
  return is_valid_utf8(node.text()) &&
         std::ranges::all_of(node.items(), [](const auto& item) { return is_utf8(*item); }) &&
         std::ranges::all_of(node.entries(),
                             [](const auto& entry) { return is_utf8(*entry.first) && is_utf8(*entry.second); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics diagnostics;
  const YamlPtr tree = parse_yaml(fuzz::source(fuzz::text_of(data, size)), diagnostics);
  fuzz::accept(diagnostics);
  REQUIRE((tree == nullptr) == diagnostics.has_errors());
  constexpr std::size_t kMost = 5000;
  if (tree == nullptr || fuzz::size_up_to(*tree, kMost) >= kMost) return 0;
  REQUIRE(tree->depth() <= kMaxYamlDepth);
  REQUIRE(is_utf8(*tree));
  std::string printed;
  try {
    printed = print_yaml(*tree);
  } catch (const Error& error) {
    fuzz::accept(error);
    return 0;
  }
  Diagnostics none;
  const YamlPtr again = parse_yaml(fuzz::source(printed), none);
  REQUIRE(again != nullptr);
  REQUIRE(same_value(*tree, *again));
  REQUIRE(print_yaml(*again) == printed);
  return 0;
}
