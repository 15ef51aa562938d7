// Questions about values that may be answered while an output is computed, since its programs make the values that they
// speak of: these need not be read again. Asked by assertions, whether a condition holds, and by reports, how much two
// tensors differ.
//
//   Questions questions;
//   questions.add(*check);                      // all that wait for data in it
//   questions.add(comparison);
//   PhysicalPlan plan({.questions = &questions});
//   // the programs of the plan's tensors have the tests that answer some of them
#pragma once

#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"
#include "brainsurgery/data_source.h"

namespace brainsurgery {

class Questions {
 public:
  // Points into a Check or a Report, which must outlive this.
  using Question = std::variant<const checks::EqualValues*, const checks::SmallValues*, const checks::Measured*,
                                const checks::DistinctValues*, const ValueComparison*>;

  void add(const Check& check);
  void add(const ValueComparison& comparison);

  // Whether no assertion can hold any more if the answer is no.
  [[nodiscard]] bool is_required(int number) const { return required_[static_cast<std::size_t>(number)]; }

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] const Question& operator[](int number) const { return all_[static_cast<std::size_t>(number)]; }
  // The tensors whose elements answer it as they pass by: one, or two of one shape and dtype. None of what has to be
  // looked at by itself.
  [[nodiscard]] std::vector<Expr> operands(int number) const;
  // The numbers of those that have the node as an operand.
  [[nodiscard]] std::span<const int> of(const Node* node) const;
  // The number of a question that was added; -1 for others.
  [[nodiscard]] int number_of(const Question& question) const;
  // Of all that were added from the check.
  [[nodiscard]] std::vector<int> numbers_of(const Check& check) const;

 private:
  void add(const Question& question, bool required);

  std::vector<Question> all_;
  std::vector<bool> required_;
  std::unordered_map<const Node*, std::vector<int>> by_operand_;
  std::unordered_map<const void*, int> numbers_;
};

}  // namespace brainsurgery
