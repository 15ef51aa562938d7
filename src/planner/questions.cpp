#include "planner/questions.h"

#include <functional>
#include <type_traits>

namespace brainsurgery {
namespace {

const void* address_of(const Questions::Question& question) {
  return std::visit([](const auto* data) -> const void* { return data; }, question);
}

using Visit = std::function<void(const Questions::Question& question, bool required)>;

// Calls `visit` with every condition in the tree, whether it would be reached or not.
void for_each_condition(const Check& check, bool required, const Visit& visit) {
  std::visit(
      [&](const auto& kind) {
        using Kind = std::decay_t<decltype(kind)>;
        if constexpr (requires { kind.parts; }) {
          for (const CheckPtr& part : kind.parts)
            for_each_condition(*part, required && std::is_same_v<Kind, checks::AllOf>, visit);
        } else if constexpr (requires { kind.part; }) {
          for_each_condition(*kind.part, false, visit);
        } else if constexpr (requires { kind.a; }) {
          visit(&kind, required);
        }
      },
      check.kind);
}

}  // namespace

void Questions::add(const Check& check) {
  for_each_condition(check, true, [this](const Question& question, bool required) { add(question, required); });
}

void Questions::add(const ValueComparison& comparison) { add(&comparison, false); }

void Questions::add(const Question& question, bool required) {
  const int number = static_cast<int>(all_.size());
  if (!numbers_.emplace(address_of(question), number).second) return;
  all_.push_back(question);
  required_.push_back(required);
  for (const Expr& operand : operands(number)) by_operand_[operand.get()].push_back(number);
}

std::vector<Expr> Questions::operands(int number) const {
  return std::visit(
      [](const auto* data) -> std::vector<Expr> {
        if constexpr (requires { data->b; }) {
          return {data->a, data->b};
        } else {
          return {data->a};
        }
      },
      (*this)[number]);
}

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
  for_each_condition(check, true, [&](const Question& question, bool) {
    if (const int number = number_of(question); number >= 0) numbers.push_back(number);
  });
  return numbers;
}

}  // namespace brainsurgery
