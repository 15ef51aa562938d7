// Conditions of assertions that may be decided while an output is computed, since its programs make the values that
// they speak of: the values need not be read again.
//
//   Conditions conditions;
//   conditions.add(*check);                     // all that wait for data in it
//   PhysicalPlan plan({.conditions = &conditions});
//   // the programs of the plan's tensors have the tests that they can do
#pragma once

#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"

namespace brainsurgery {

class Conditions {
 public:
  // Points into a Check, which must outlive this.
  using Condition = std::variant<const checks::EqualValues*, const checks::SmallValues*>;

  void add(const Check& check);

  // Whether the check that it is of cannot hold without it.
  [[nodiscard]] bool is_required(int number) const { return required_[static_cast<std::size_t>(number)]; }

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] const Condition& operator[](int number) const { return all_[static_cast<std::size_t>(number)]; }
  // The numbers of those whose first operand is the node.
  [[nodiscard]] std::span<const int> of(const Node* node) const;
  // The number of a condition that was added; -1 for others.
  [[nodiscard]] int number_of(const Condition& condition) const;

 private:
  std::vector<Condition> all_;
  std::vector<bool> required_;
  std::unordered_map<const Node*, std::vector<int>> by_operand_;
  std::unordered_map<const void*, int> numbers_;
};

// Whether every condition in `check` that waits for data is one of those that `is_tested` accepts, by number.
[[nodiscard]] bool all_are(const Check& check, const Conditions& conditions, const std::vector<bool>& is_tested);

}  // namespace brainsurgery
