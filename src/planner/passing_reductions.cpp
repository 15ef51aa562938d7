#include "planner/passing_reductions.h"

#include <unordered_set>

#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// The operands of a reduction, and what elementwise operations make them of.
std::unordered_set<const Node*> parts_of(const Expr& reduction) {
  std::unordered_set<const Node*> seen;
  std::vector<Expr> open = operands(reduction.node());
  while (!open.empty()) {
    const Expr at = std::move(open.back());
    open.pop_back();
    if (!seen.insert(at.get()).second) continue;
    if (const auto* map = as<nodes::Map>(at)) open.insert(open.end(), map->parts.begin(), map->parts.end());
  }
  return seen;
}

bool can_pass(const nodes::Reduce& node) {
  const Reducer& reducer = *node.reducer;
  return reducer.any_order && !reducer.by_rows && reducer.passes.count == nullptr && info(node.parts.front().dtype()).bits % 8 == 0;
}

}  // namespace

std::vector<Expr> reductions_of(const Expr& number) {
  std::vector<Expr> found, open{number};
  std::unordered_set<const Node*> seen;
  while (!open.empty()) {
    const Expr at = std::move(open.back());
    open.pop_back();
    // What is larger is not made of one number.
    if (element_count(at.shape()) != 1 || !seen.insert(at.get()).second) continue;
    if (as<nodes::Reduce>(at) != nullptr) {
      found.push_back(at);
    } else {
      for (Expr& operand : operands(at.node())) open.push_back(std::move(operand));
    }
  }
  return found;
}

void PassingReductions::add(const Expr& number) {
  for (const Expr& reduction : reductions_of(number)) {
    if (!can_pass(*as<nodes::Reduce>(reduction))) continue;
    const int place = static_cast<int>(all_.size());
    if (!numbers_.emplace(reduction.get(), place).second) continue;
    all_.push_back(reduction);
    for (const Node* part : parts_of(reduction)) by_part_[part].push_back(place);
  }
}

std::span<const int> PassingReductions::of(const Node* node) const {
  const auto found = by_part_.find(node);
  return found == by_part_.end() ? std::span<const int>() : found->second;
}

int PassingReductions::number_of(const Node* reduction) const {
  const auto found = numbers_.find(reduction);
  return found == numbers_.end() ? -1 : found->second;
}

}  // namespace brainsurgery
