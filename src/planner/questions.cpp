#include "planner/questions.h"

#include <functional>

namespace brainsurgery {
namespace {

const void* address_of(const Questions::Question& question) {
  return std::visit([](const auto* data) -> const void* { return data; }, question);
}

using Visit = std::function<void(const Questions::Question& question, bool required)>;

// Calls `visit` with every condition in the tree, whether it would be reached or not.
struct ForEachCondition {
  bool required;
  const Visit& visit;

  void all(const Check& check) const { std::visit(*this, check.kind); }
  void operator()(const checks::Decided&) const {}
  void operator()(const checks::Mistake&) const {}
  void operator()(const checks::EqualValues& condition) const { visit(&condition, required); }
  void operator()(const checks::SmallValues& condition) const { visit(&condition, required); }
  void operator()(const checks::Measured& condition) const { visit(&condition, required); }
  void operator()(const checks::DistinctValues& condition) const { visit(&condition, required); }
  void operator()(const checks::AllOf& check) const {
    for (const CheckPtr& part : check.parts) all(*part);
  }
  void operator()(const checks::AnyOf& check) const {
    for (const CheckPtr& part : check.parts) ForEachCondition{false, visit}.all(*part);
  }
  void operator()(const checks::Not& check) const { ForEachCondition{false, visit}.all(*check.part); }
};

void for_each_condition(const Check& check, const Visit& visit) { ForEachCondition{true, visit}.all(check); }

struct OperandsOf {
  std::vector<Expr> operator()(const checks::EqualValues* condition) const { return {condition->a, condition->b}; }
  std::vector<Expr> operator()(const checks::SmallValues* condition) const { return {condition->a}; }
  std::vector<Expr> operator()(const checks::Measured*) const { return {}; }
  std::vector<Expr> operator()(const checks::DistinctValues*) const { return {}; }
  std::vector<Expr> operator()(const ValueComparison* comparison) const { return {comparison->a, comparison->b}; }
};

}  // namespace

void Questions::add(const Check& check) {
  for_each_condition(check, [this](const Question& question, bool required) { add(question, required); });
}

void Questions::add(const ValueComparison& comparison) { add(&comparison, false); }

void Questions::add(const Question& question, bool required) {
  const int number = static_cast<int>(all_.size());
  if (!numbers_.emplace(address_of(question), number).second) return;
  all_.push_back(question);
  required_.push_back(required);
  for (const Expr& operand : operands(number)) by_operand_[operand.get()].push_back(number);
}

std::vector<Expr> Questions::operands(int number) const { return std::visit(OperandsOf{}, (*this)[number]); }

std::span<const int> Questions::of(const Node* node) const {
  const auto found = by_operand_.find(node);
  return found == by_operand_.end() ? std::span<const int>() : found->second;
}

int Questions::number_of(const Question& question) const {
  const auto found = numbers_.find(address_of(question));
  return found == numbers_.end() ? -1 : found->second;
}

std::vector<int> Questions::numbers_of(const Check& check) const {
  std::vector<int> numbers;
  for_each_condition(check, [&](const Question& question, bool) {
    if (const int number = number_of(question); number >= 0) numbers.push_back(number);
  });
  return numbers;
}

}  // namespace brainsurgery
