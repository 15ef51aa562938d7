#include "session/output_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "brainsurgery/error.h"
#include "formats/tensor_parts.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// The offsets of these names; nothing where not all of them are parts as they were read.
PartOffsets offsets_of(const std::string& json, const StateDict& names) {
  PartOffsets known, kept;
  try {
    known = parse_part_offsets(json, std::string(kPartOffsets));
  } catch (const Error&) {
    return {};
  }
  for (const auto& [name, tensor] : names.names()) {
    const auto found = known.find(name);
    const bool is_part = found != known.end() && as<nodes::Source>(tensor.expr) != nullptr &&
                         found->second.size() == tensor.expr.shape().size();
    if (!is_part) return {};
    kept.insert(*found);
  }
  return kept;
}

}  // namespace

std::vector<std::string> fit_part_pairs(Metadata& metadata, const StateDict& names, bool in_several_files) {
  const auto pair = std::ranges::find(metadata, kPartOffsets, &Metadata::value_type::first);
  if (pair == metadata.end()) return {};
  const auto drop = [&](std::string_view reason) {
    erase_part_pairs(metadata);
    return std::vector{fmt::format("dropped the metadata pair '{}': {}", kPartOffsets, reason)};
  };
  const PartOffsets offsets = offsets_of(pair->second, names);
  if (offsets.empty()) return drop("it does not describe these tensors");
  if (in_several_files) return drop("it places the tensors of one file, and several are written");
  pair->second = part_offsets_text(offsets);
  return {};
}

std::vector<std::string> edit_metadata(Metadata& metadata, const MetadataEdit& edit, const std::set<std::string>& ties,
                                       std::string_view where) {
  std::vector<std::string> warnings;
  MatchBudget budget;
  std::vector<bool> dropped(metadata.size(), false);
  for (const NamePattern& pattern : edit.drop) {
    bool any = false;
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      if (!pattern.matches(metadata[i].first, budget)) continue;
      any = dropped[i] = true;
    }
    if (!any) warnings.push_back(fmt::format("no metadata key matches '{}'", pattern.text()));
  }
  Metadata lost_ties, kept;
  for (std::size_t i = 0; i < metadata.size(); ++i) {
    const auto& [key, value] = metadata[i];
    const auto set = std::ranges::find(edit.set, key, &Metadata::value_type::first);
    const bool is_replaced = set != edit.set.end() && set->second != value;
    if (ties.contains(key) && (is_replaced || (dropped[i] && set == edit.set.end()))) lost_ties.push_back(metadata[i]);
    if (!dropped[i]) kept.push_back(metadata[i]);
  }
  metadata = std::move(kept);
  for (const auto& [key, value] : edit.set) {
    const auto known = std::ranges::find(metadata, key, &Metadata::value_type::first);
    if (known == metadata.end()) {
      metadata.emplace_back(key, value);
    } else {
      known->second = value;
    }
  }
  for (const auto& [name, other] : lost_ties)
    warnings.push_back(fmt::format("{} removes the record that '{}' is tied to '{}'", where, name, other));
  return warnings;
}

}  // namespace brainsurgery
