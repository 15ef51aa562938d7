#include "session/known_values.h"

#include <algorithm>
#include <iterator>

namespace brainsurgery {

void KnownValues::forget() {
  numbers_.clear();
  kept_.clear();
  awaited_.clear();
  distinct_.clear();
}

void KnownValues::learn(const std::vector<Expr>& numbers, const std::vector<Number>& values) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers_.insert_or_assign(numbers[i].get(), values[i]);
    awaited_.erase(numbers[i].get());
    kept_.push_back(numbers[i]);
  }
}

void KnownValues::wait_for(const std::vector<Expr>& numbers) {
  for (const Expr& number : numbers) awaited_.insert(number.get());
  std::ranges::copy(numbers, std::back_inserter(kept_));
}

bool KnownValues::waits_for(const std::vector<Expr>& numbers) const {
  return std::ranges::any_of(numbers, [this](const Expr& number) { return awaited_.contains(number.get()); });
}

std::optional<Verdict> KnownValues::verdict(const checks::Measured& check) {
  if (waits_for(check.numbers)) return std::nullopt;
  return check.judge(numbers(check.numbers), [this](const std::vector<Expr>& more) { return looker_.numbers(more); });
}

std::optional<Verdict> KnownValues::verdict(const checks::DistinctValues& check) {
  const auto known = distinct_.find(&check);
  return known != distinct_.end() ? known->second : distinct_.emplace(&check, *looker_.verdict(check)).first->second;
}

std::vector<Number> KnownValues::numbers(const std::vector<Expr>& numbers) {
  std::vector<Expr> missing;
  std::ranges::copy_if(numbers, std::back_inserter(missing),
                       [this](const Expr& number) { return !numbers_.contains(number.get()); });
  if (!missing.empty()) learn(missing, looker_.numbers(missing));
  std::vector<Number> values;
  for (const Expr& number : numbers) values.push_back(numbers_.at(number.get()));
  return values;
}

}  // namespace brainsurgery
