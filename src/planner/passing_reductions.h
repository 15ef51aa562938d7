// Reductions that may be made while an output is computed, since its programs read or make the elements that they are
// of: these need not be read again.
//
//   PassingReductions wanted;
//   wanted.add(number);                          // what it is made of
//   Compiler compiler({.passing = &wanted});
//   // the programs of the output's tensors have taps, whose numbers are those of the reductions
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery {

// The reductions of all elements of something that a number is made of.
[[nodiscard]] std::vector<Expr> reductions_of(const Expr& number);

class PassingReductions {
 public:
  // Those reductions of all elements that the number is made of whose result does not depend on how and in which order
  // elements are added.
  void add(const Expr& number);

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  // A node Reduce.
  [[nodiscard]] const Expr& operator[](int number) const { return all_[static_cast<std::size_t>(number)]; }
  // The numbers of those that have the node as an operand, or as a part of which elementwise operations make one.
  [[nodiscard]] std::span<const int> of(const Node* node) const;
  // -1: not one of them.
  [[nodiscard]] int number_of(const Node* reduction) const;

 private:

  std::vector<Expr> all_;
  std::unordered_map<const Node*, std::vector<int>> by_part_;
  std::unordered_map<const Node*, int> numbers_;
};

}  // namespace brainsurgery
