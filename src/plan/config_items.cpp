#include "plan/config_items.h"

#include <fmt/format.h>

#include "plan/oly.h"
#include "plan/parameters.h"
#include "plan/yaml_edit.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

// A file's tree as a mapping: nothing is an empty one, a bare word a key without value. nullptr: reported.
YamlPtr read_file(const std::shared_ptr<const SourceText>& source, Diagnostics& diagnostics) {
  const YamlPtr root = parse_yaml(source, diagnostics);
  if (root == nullptr || root->is_mapping()) return root;
  if (root->is_null()) return YamlNode::mapping(root->span(), {});
  if (root->is_string() && !root->text().empty())
    return YamlNode::mapping(root->span(), {{root, YamlNode::null(root->span())}});
  diagnostics.error(
      root->span(),
      fmt::format("a plan is a mapping with the keys inputs, transforms and output; found {}", root->describe()));
  return nullptr;
}

YamlPtr apply(const YamlPtr& root, const ConfigItem& item, Diagnostics& diagnostics) {
  if (item.kind == ConfigItem::Kind::file) {
    const YamlPtr tree = read_file(item.source, diagnostics);
    if (tree == nullptr || root->entries().empty()) return tree;
    return merge_yaml(root, tree);
  }
  if (item.kind == ConfigItem::Kind::step) return with_appended(root, "transforms", parse_oly(item.source));
  if (std::optional<Diagnostic> problem = find_bad_character(item.source)) {
    diagnostics.add(std::move(*problem));
    return nullptr;
  }
  if (item.kind == ConfigItem::Kind::parameter) return with_parameter(root, item.source);
  return with_assignment(root, parse_assignment(item.source));
}

}  // namespace

std::optional<Config> read_config(const std::vector<ConfigItem>& items, const VariableLookup& environment,
                                  Diagnostics& diagnostics) {
  YamlPtr root = YamlNode::mapping(items.empty() ? SourceSpan() : SourceSpan{items.front().source, 1, 1, 1}, {});
  bool good = true;
  for (const ConfigItem& item : items) {
    try {
      YamlPtr next = apply(root, item, diagnostics);
      good = good && next != nullptr;
      if (next != nullptr) root = std::move(next);
    } catch (const Error& error) {
      diagnostics.add(error);
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return interpolate(root, environment, diagnostics);
}

}  // namespace brainsurgery
