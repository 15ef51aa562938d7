// What is known of values: numbers that were made together, and what was looked at besides.
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "exec/executor.h"

namespace brainsurgery {

// Nothing is looked at twice. Used by one thread.
class KnownValues final : public DataOracle, public DataSource {
 public:
  // `looker` must outlive this.
  explicit KnownValues(Executor& looker) : looker_(looker) {}

  void forget();
  void learn(const std::vector<Expr>& numbers, const std::vector<Number>& values);
  // They will be known later: conditions on them are open until then.
  void wait_for(const std::vector<Expr>& numbers);
  // Whether one of them will be.
  [[nodiscard]] bool waits_for(const std::vector<Expr>& numbers) const;
  void wait_no_more() { awaited_.clear(); }

  std::optional<Verdict> verdict(const checks::Measured& check) override;
  std::optional<Verdict> verdict(const checks::DistinctValues& check) override;
  std::vector<Number> numbers(const std::vector<Expr>& numbers) override;
  std::vector<std::byte> values(const Expr& expr) override { return looker_.values(expr); }

 private:
  Executor& looker_;
  std::unordered_map<const Node*, Number> numbers_;
  std::vector<Expr> kept_;  // keeps the nodes alive
  std::unordered_set<const Node*> awaited_;
  std::unordered_map<const checks::DistinctValues*, Verdict> distinct_;
};

}  // namespace brainsurgery
