// Which names of a sorted map a pattern matches, without visiting those that cannot.
#pragma once

#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// Visits the names, in sorted order, that the pattern may match, until visit(iterator) gives true. `names`: a sorted map
// from names, with lower_bound for string_view. Whether one gave true. Throws Error(run) once interrupted.
template <typename Names, typename Visit>
bool find_candidate(const NamePattern& pattern, const Names& names, const Visit& visit) {
  auto at = names.lower_bound(std::string_view(pattern.literal_prefix()));
  while (at != names.end()) {
    throw_if_interrupted();
    if (visit(at)) return true;
    const NamePattern::Next next = pattern.next(at->first);
    if (next.where == NamePattern::Next::Where::end) break;
    at = next.where == NamePattern::Next::Where::seek ? names.lower_bound(std::string_view(next.key)) : std::next(at);
  }
  return false;
}

// Calls visit(iterator, captures) for the matches in sorted order. The captures' views point into the map's keys. Throws
// Error(run) where the budget is spent, and once interrupted.
template <typename Names, typename Visit>
void for_each_match(const NamePattern& pattern, const Names& names, MatchBudget& budget, const Visit& visit) {
  find_candidate(pattern, names, [&](const auto& at) {
    if (const std::optional<Captures> captures = pattern.match(at->first, budget)) visit(at, *captures);
    return false;
  });
}

// The same without captures, which cost several times what the match does: visit(iterator).
template <typename Names, typename Visit>
void for_each_matching_name(const NamePattern& pattern, const Names& names, MatchBudget& budget, const Visit& visit) {
  find_candidate(pattern, names, [&](const auto& at) {
    if (pattern.matches(at->first, budget)) visit(at);
    return false;
  });
}

template <typename Names>
bool any_match_in(const NamePattern& pattern, const Names& names, MatchBudget& budget) {
  return find_candidate(pattern, names, [&](const auto& at) { return pattern.matches(at->first, budget); });
}

}  // namespace brainsurgery
