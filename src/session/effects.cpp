#include "session/effects.h"

#include <algorithm>
#include <iterator>

namespace brainsurgery {

Wanted wanted_by(const Effect& effect) {
  Wanted wanted;
  if (!needs_data(effect)) return wanted;
  if (const auto* report = std::get_if<ReportEffect>(&effect.what))
    return {report->report.numbers, report->report.values, {}};
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) {
    for (const OpenCondition& open : open_conditions(*check->check)) {
      if (const auto* const* measured = std::get_if<const checks::Measured*>(&open.condition)) {
        std::ranges::copy((*measured)->numbers, std::back_inserter(wanted.numbers));
      } else {
        wanted.distinct.push_back(std::get<const checks::DistinctValues*>(open.condition));
      }
    }
  }
  return wanted;
}

PassingReductions open_reductions(const std::vector<Effect>& effects, std::size_t first) {
  PassingReductions passing;
  for (std::size_t i = std::max(first, behind_saves(effects)); i < effects.size(); ++i) {
    for (const Expr& number : wanted_by(effects[i]).numbers) passing.add(number);
  }
  return passing;
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
