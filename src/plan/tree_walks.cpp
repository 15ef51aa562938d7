#include "plan/tree_walks.h"

#include <algorithm>

namespace brainsurgery {

bool holds_interpolation(const YamlNode& node) {
  if (node.is_string()) return node.text() == kMissingValue || node.text().find("${") != std::string::npos;
  return std::ranges::any_of(node.items(), [](const YamlPtr& item) { return holds_interpolation(*item); }) ||
         std::ranges::any_of(node.entries(), [](const auto& entry) { return holds_interpolation(*entry.second); });
}

std::int64_t count_nodes(const YamlNode& node, std::int64_t limit) {
  std::int64_t count = 1;
  for (const YamlPtr& item : node.items()) {
    if (count >= limit) break;
    count += count_nodes(*item, limit - count);
  }
  for (const auto& [key, value] : node.entries()) {
    if (count >= limit) break;
    count += count_nodes(*value, limit - count);
  }
  return count;
}

bool captures(const YamlNode& node, std::string_view name) {
  const auto is_token = [&](const YamlPtr& item) {
    if (!item->is_string() || item->text().size() < 2) return captures(*item, name);
    const std::string_view rest = std::string_view(item->text()).substr(1);
    if (item->text()[0] == '$' || item->text()[0] == '*') return rest == name;
    if (item->text()[0] != '~') return false;
    std::string_view names = rest.substr(0, rest.find("::") == std::string_view::npos ? 0 : rest.find("::"));
    while (!names.empty()) {
      const std::size_t comma = names.find(',');
      if (names.substr(0, comma) == name) return true;
      names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
    }
    return false;
  };
  return std::ranges::any_of(node.items(), is_token) ||
         std::ranges::any_of(node.entries(), [&](const auto& entry) { return captures(*entry.second, name); });
}

void collect_mistakes(const YamlNode& node, std::vector<const Diagnostic*>& into) {
  if (node.mistake() != nullptr) into.push_back(node.mistake().get());
  for (const YamlPtr& item : node.items()) collect_mistakes(*item, into);
  for (const auto& [key, value] : node.entries()) collect_mistakes(*value, into);
}

}  // namespace brainsurgery
