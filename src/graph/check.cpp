#include "brainsurgery/check.h"

namespace brainsurgery {
namespace {

struct NoData final : DataOracle {
  std::optional<bool> holds(const checks::EqualValues&) override { return std::nullopt; }
  std::optional<bool> holds(const checks::SmallValues&) override { return std::nullopt; }
  std::optional<Verdict> verdict(const checks::Measured&) override { return std::nullopt; }
  std::optional<Verdict> verdict(const checks::DistinctValues&) override { return std::nullopt; }
};

struct Evaluate {
  DataOracle& oracle;

  template <typename DataCheck>
  std::optional<Verdict> operator()(const DataCheck& check) const {
    const std::optional<bool> holds = oracle.holds(check);
    if (!holds) return std::nullopt;
    return *holds ? Verdict{true, ""} : Verdict{false, check.reason};
  }
  std::optional<Verdict> operator()(const checks::Measured& check) const { return oracle.verdict(check); }
  std::optional<Verdict> operator()(const checks::DistinctValues& check) const { return oracle.verdict(check); }
  std::optional<Verdict> operator()(const checks::Decided& check) const { return Verdict{check.pass, check.reason}; }
  std::optional<Verdict> operator()(const checks::Mistake& check) const { throw check.error; }
  std::optional<Verdict> operator()(const checks::AllOf& check) const {
    for (const CheckPtr& part : check.parts) {
      std::optional<Verdict> verdict = evaluate(*part, oracle);
      if (!verdict || !verdict->pass) return verdict;
    }
    return Verdict{true, ""};
  }
  std::optional<Verdict> operator()(const checks::AnyOf& check) const {
    std::string reasons;
    for (const CheckPtr& part : check.parts) {
      std::optional<Verdict> verdict = evaluate(*part, oracle);
      if (!verdict || verdict->pass) return verdict;
      reasons += "\n" + verdict->reason;
    }
    return Verdict{false, "no alternative holds:" + reasons};
  }
  std::optional<Verdict> operator()(const checks::Not& check) const {
    const std::optional<Verdict> verdict = evaluate(*check.part, oracle);
    if (!verdict) return std::nullopt;
    return verdict->pass ? Verdict{false, check.reason} : Verdict{true, ""};
  }
};

}  // namespace

CheckPtr make_check(decltype(Check::kind) kind) { return std::make_shared<const Check>(Check{std::move(kind)}); }

std::optional<Verdict> evaluate(const Check& check, DataOracle& oracle) {
  return std::visit(Evaluate{oracle}, check.kind);
}

std::optional<Verdict> decide(const Check& check) {
  NoData none;
  return evaluate(check, none);
}

}  // namespace brainsurgery
