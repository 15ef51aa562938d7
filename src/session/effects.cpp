#include "session/effects.h"

#include <algorithm>

namespace brainsurgery {

Questions open_questions(const std::vector<Effect>& effects, std::size_t first) {
  Questions questions;
  for (std::size_t i = std::max(first, behind_saves(effects)); i < effects.size(); ++i) {
    if (!needs_data(effects[i])) continue;
    if (const auto* check = std::get_if<CheckEffect>(&effects[i].what)) questions.add(*check->check);
    if (const auto* report = std::get_if<ReportEffect>(&effects[i].what)) {
      for (const ValueComparison* comparison : report->report.comparisons) questions.add(*comparison);
    }
  }
  return questions;
}

std::vector<int> questions_of(const Effect& effect, const Questions& questions) {
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return questions.numbers_of(*check->check);
  std::vector<int> numbers;
  if (const auto* report = std::get_if<ReportEffect>(&effect.what)) {
    for (const ValueComparison* comparison : report->report.comparisons) {
      if (const int number = questions.number_of(comparison); number >= 0) numbers.push_back(number);
    }
  }
  return numbers;
}

std::size_t behind_saves(const std::vector<Effect>& effects) {
  std::size_t end = effects.size();
  while (end > 0 && !std::holds_alternative<SaveEffect>(effects[end - 1].what)) --end;
  return end;
}

bool needs_data(const Effect& effect) {
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return !decide(*check->check).has_value();
  if (const auto* report = std::get_if<ReportEffect>(&effect.what)) return report->report.needs_data();
  return std::holds_alternative<SaveEffect>(effect.what);
}

}  // namespace brainsurgery
