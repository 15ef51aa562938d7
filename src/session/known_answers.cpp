#include "session/known_answers.h"

#include <algorithm>

namespace brainsurgery {

bool KnownAnswers::fails_anyhow(const Effect& effect) {
  const Questions& questions = answers_.questions();
  const std::vector<int> asked = questions_of(effect, questions);
  const auto by_programs = [this](int number) { return output_.answers(number); };
  if (std::ranges::any_of(asked, by_programs)) {
    return std::ranges::any_of(
        asked, [&](int number) { return !by_programs(number) && questions.is_required(number) && !holds(number); });
  }
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return !evaluate(*check->check, *this)->pass;
  const auto* report = std::get_if<ReportEffect>(&effect.what);
  return report != nullptr && !report->report.reads_values && report->report.make(*this).failed.has_value();
}

bool KnownAnswers::holds(int number) {
  struct Ask {
    KnownAnswers& known;
    std::optional<bool> operator()(const checks::EqualValues* condition) const { return known.find(*condition); }
    std::optional<bool> operator()(const checks::SmallValues* condition) const { return known.find(*condition); }
    std::optional<bool> operator()(const checks::Measured* condition) const { return known.verdict(*condition)->pass; }
    std::optional<bool> operator()(const checks::DistinctValues* condition) const {
      return known.verdict(*condition)->pass;
    }
    std::optional<bool> operator()(const ValueComparison*) const { return true; }  // no condition
  };
  return std::visit(Ask{*this}, answers_.questions()[number]).value_or(true);
}

template <typename Condition>
std::optional<bool> KnownAnswers::find(const Condition& check) {
  const int number = answers_.questions().number_of(&check);
  if (number < 0) return looker_.holds(check);
  if (answers_.failed(number)) return false;
  if (complete_ && output_.answers(number)) return true;
  const auto known = conditions_.find(number);
  return known != conditions_.end() ? known->second : conditions_.emplace(number, looker_.holds(check)).first->second;
}

template <typename Condition>
std::optional<Verdict> KnownAnswers::find_verdict(const Condition& check) {
  const int number = answers_.questions().number_of(&check);
  if (number < 0) return looker_.verdict(check);
  const auto known = verdicts_.find(number);
  return known != verdicts_.end() ? known->second : verdicts_.emplace(number, looker_.verdict(check)).first->second;
}

Difference KnownAnswers::difference(const ValueComparison& comparison) {
  const int number = answers_.questions().number_of(&comparison);
  if (number < 0) return looker_.difference(comparison);
  if (complete_ && output_.answers(number)) return answers_.difference(number);
  const auto known = differences_.find(number);
  return known != differences_.end() ? known->second
                                     : differences_.emplace(number, looker_.difference(comparison)).first->second;
}

}  // namespace brainsurgery
