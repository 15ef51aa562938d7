// What became of the tensors of a step, as it is printed at the step's end.
//
//   merge: 290 merged, 1 copied
//     copied, since a lacks it: out::lm_head.weight
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/step.h"

namespace brainsurgery {

class Account {
 public:
  // `label`: "out::lm_head.weight".
  void add(RowOutcome outcome, std::string label);
  // Tensors of the models that the step reads, which no step has read.
  void add_unread(std::string label) { unread_.push_back(std::move(label)); }
  // Lines; empty: no row said anything. `lists`: every tensor has one.
  [[nodiscard]] std::string text(const std::string& step, bool lists) const;

 private:
  struct Group {
    RowOutcome outcome;
    std::vector<std::string> labels;
  };
  [[nodiscard]] std::string counts() const;

  std::vector<Group> groups_;
  std::vector<std::string> unread_;
};

}  // namespace brainsurgery
