// What is known of questions while an output is made: what its programs have found, and what was looked at besides.
#pragma once

#include <unordered_map>
#include <vector>

#include "exec/answers.h"
#include "exec/executor.h"
#include "session/effects.h"

namespace brainsurgery {

// Nothing is looked at twice. Used by one thread.
class KnownAnswers final : public DataOracle, public DataSource {
 public:
  // `answers`: of the programs of `output`. All must outlive this.
  KnownAnswers(const Answers& answers, const BoundOutput& output, Executor& looker)
      : answers_(answers), output_(output), looker_(looker) {}

  // Whether the effect fails, as far as that does not depend on what programs answer.
  [[nodiscard]] bool fails_anyhow(const Effect& effect);
  // The programs did not come to their end: what they found to fail is known, nothing else.
  void programs_were_stopped() { complete_ = false; }

  std::optional<bool> holds(const checks::EqualValues& check) override { return find(check); }
  std::optional<bool> holds(const checks::SmallValues& check) override { return find(check); }
  std::optional<Verdict> verdict(const checks::Measured& check) override { return find_verdict(check); }
  std::optional<Verdict> verdict(const checks::DistinctValues& check) override { return find_verdict(check); }

  TensorStatistics statistics(const Expr& expr) override { return looker_.statistics(expr); }
  std::vector<std::byte> values(const Expr& expr) override { return looker_.values(expr); }
  Difference difference(const ValueComparison& comparison) override;

 private:
  template <typename Condition>
  std::optional<bool> find(const Condition& check);
  template <typename Condition>
  std::optional<Verdict> find_verdict(const Condition& check);
  [[nodiscard]] bool holds(int number);

  const Answers& answers_;
  const BoundOutput& output_;
  Executor& looker_;
  bool complete_ = true;
  std::unordered_map<int, std::optional<bool>> conditions_;  // that were looked at
  std::unordered_map<int, std::optional<Verdict>> verdicts_;
  std::unordered_map<int, Difference> differences_;
};

}  // namespace brainsurgery
