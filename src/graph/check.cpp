#include "brainsurgery/check.h"

namespace brainsurgery {
namespace {

struct NoData final : DataOracle {
  std::optional<Verdict> verdict(const checks::Measured&) override { return std::nullopt; }
  std::optional<Verdict> verdict(const checks::DistinctValues&) override { return std::nullopt; }
};

struct Evaluate {
  DataOracle& oracle;

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

struct Collect {
  std::vector<OpenCondition>& found;
  bool required;

  void all(const Check& check) const { std::visit(*this, check.kind); }
  void operator()(const checks::Decided&) const {}
  void operator()(const checks::Mistake&) const {}
  void operator()(const checks::Measured& check) const { found.push_back({&check, required}); }
  void operator()(const checks::DistinctValues& check) const { found.push_back({&check, required}); }
  void operator()(const checks::AllOf& check) const {
    for (const CheckPtr& part : check.parts) all(*part);
  }
  void operator()(const checks::AnyOf& check) const {
    for (const CheckPtr& part : check.parts) Collect{found, false}.all(*part);
  }
  void operator()(const checks::Not& check) const { Collect{found, false}.all(*check.part); }
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

bool fails_anyhow(const Check& check, DataOracle& oracle) {
  for (const OpenCondition& open : open_conditions(check)) {
    if (!open.required) continue;
    const std::optional<Verdict> verdict =
        std::visit([&oracle](const auto* condition) { return oracle.verdict(*condition); }, open.condition);
    if (verdict && !verdict->pass) return true;
  }
  return false;
}

std::vector<OpenCondition> open_conditions(const Check& check) {
  std::vector<OpenCondition> found;
  Collect{found, true}.all(check);
  return found;
}

}  // namespace brainsurgery
