// Which names of a sorted map a pattern matches, without visiting those that cannot.
#pragma once

#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// Calls visit(iterator, captures) for the matches in sorted order, until it gives true. `names`: a sorted map from names,
// with lower_bound for string_view. The captures' views point into the map's keys. Whether one gave true. Throws
// Error(run) where the budget is spent, and once interrupted.
template <typename Names, typename Visit>
bool find_match(const NamePattern& pattern, const Names& names, MatchBudget& budget, const Visit& visit) {
  auto at = names.lower_bound(std::string_view(pattern.literal_prefix()));
  while (at != names.end()) {
    throw_if_interrupted();
    if (std::optional<Captures> captures = pattern.match(at->first, budget)) {
      if (visit(at, *captures)) return true;
    }
    const NamePattern::Next next = pattern.next(at->first);
    if (next.where == NamePattern::Next::Where::end) break;
    at = next.where == NamePattern::Next::Where::seek ? names.lower_bound(std::string_view(next.key)) : std::next(at);
  }
  return false;
}

// Visits every match.
template <typename Names, typename Visit>
void for_each_match(const NamePattern& pattern, const Names& names, MatchBudget& budget, const Visit& visit) {
  find_match(pattern, names, budget, [&](const auto& at, const Captures& captures) {
    visit(at, captures);
    return false;
  });
}

template <typename Names>
bool any_match_in(const NamePattern& pattern, const Names& names, MatchBudget& budget) {
  return find_match(pattern, names, budget, [](const auto&, const Captures&) { return true; });
}

}  // namespace brainsurgery
