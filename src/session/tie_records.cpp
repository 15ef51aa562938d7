#include "session/tie_records.h"

#include <algorithm>

namespace brainsurgery {
namespace {

bool holds(const Metadata::value_type& pair, const StateDict& names) {
  return names.find(pair.first) == nullptr && names.find(pair.second) != nullptr;
}

}  // namespace

std::set<std::string> recorded_ties(const Metadata& metadata, const StateDict& names) {
  std::set<std::string> keys;
  for (const auto& pair : metadata) {
    if (holds(pair, names)) keys.insert(pair.first);
  }
  return keys;
}

Metadata remove_stale_ties(Metadata& metadata, const std::set<std::string>& ties, const StateDict& names) {
  Metadata stale;
  std::erase_if(metadata, [&](const auto& pair) {
    if (!ties.contains(pair.first) || holds(pair, names)) return false;
    stale.push_back(pair);
    return true;
  });
  return stale;
}

void record_dropped(Metadata dropped, Metadata& metadata) {
  for (auto& pair : dropped) {
    if (std::ranges::find(metadata, pair.first, &Metadata::value_type::first) == metadata.end())
      metadata.push_back(std::move(pair));
  }
}

}  // namespace brainsurgery
