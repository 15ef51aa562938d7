#include "session/taints.h"

#include <algorithm>

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxTaints = 1000;

bool covers(const NameSet& a, const NameSet& b) {
  return a.whole ? a.prefix == b.prefix : b.prefix.starts_with(a.prefix);
}

}  // namespace

void Taints::add(NameSet names) {
  // Beyond some number nothing of the alias is certain any more; looking through all of them for every step would take
  // too long.
  if (taints_.size() >= kMaxTaints) {
    names.prefix.clear();
    names.whole = false;
  }
  if (std::ranges::find(taints_, names) == taints_.end()) taints_.push_back(std::move(names));
}

bool Taints::touch(const std::vector<NameSet>& names) const {
  return std::ranges::any_of(names, [&](const NameSet& mine) {
    return std::ranges::any_of(taints_, [&](const NameSet& taint) {
      return taint.alias == mine.alias && (covers(taint, mine) || covers(mine, taint));
    });
  });
}

}  // namespace brainsurgery
