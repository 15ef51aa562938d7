#include "planner/conditions.h"

#include <functional>
#include <type_traits>

namespace brainsurgery {
namespace {

const void* address_of(const Conditions::Condition& condition) {
  return std::visit([](const auto* data) -> const void* { return data; }, condition);
}

using Visit = std::function<void(const Conditions::Condition& condition, bool required)>;

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

void Conditions::add(const Check& check) {
  for_each_condition(check, true, [&](const Condition& condition, bool required) {
    const int number = static_cast<int>(all_.size());
    if (!numbers_.emplace(address_of(condition), number).second) return;
    all_.push_back(condition);
    required_.push_back(required);
    std::visit([&](const auto* data) { by_operand_[data->a.get()].push_back(number); }, condition);
  });
}

std::span<const int> Conditions::of(const Node* node) const {
  const auto found = by_operand_.find(node);
  return found == by_operand_.end() ? std::span<const int>() : found->second;
}

int Conditions::number_of(const Condition& condition) const {
  const auto found = numbers_.find(address_of(condition));
  return found == numbers_.end() ? -1 : found->second;
}

bool all_are(const Check& check, const Conditions& conditions, const std::vector<bool>& is_tested) {
  bool all = true;
  for_each_condition(check, true, [&](const Conditions::Condition& condition, bool) {
    const int number = conditions.number_of(condition);
    all = all && number >= 0 && is_tested[static_cast<std::size_t>(number)];
  });
  return all;
}

}  // namespace brainsurgery
