// Which names of a sorted map a pattern matches, without visiting those that cannot.
#pragma once

#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// Calls visit(iterator, captures) for every match in sorted order. `names`: a sorted map from names, with lower_bound
// for string_view. The captures' views point into the map's keys. Throws Error(run) where the budget is spent, and once
// interrupted.
template <typename Names, typename Visit>
void for_each_match(const NamePattern& pattern, const Names& names, MatchBudget& budget, const Visit& visit) {
  auto at = names.lower_bound(std::string_view(pattern.literal_prefix()));
  while (at != names.end()) {
    throw_if_interrupted();
    if (std::optional<Captures> captures = pattern.match(at->first, budget)) visit(at, *captures);
    const NamePattern::Next next = pattern.next(at->first);
    if (next.where == NamePattern::Next::Where::end) break;
    at = next.where == NamePattern::Next::Where::seek ? names.lower_bound(std::string_view(next.key)) : std::next(at);
  }
}

}  // namespace brainsurgery
