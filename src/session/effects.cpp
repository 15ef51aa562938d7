#include "session/effects.h"

#include <algorithm>

namespace brainsurgery {

Conditions open_conditions(const std::vector<Effect>& effects, std::size_t first) {
  Conditions conditions;
  for (std::size_t i = std::max(first, behind_saves(effects)); i < effects.size(); ++i) {
    const auto* check = std::get_if<CheckEffect>(&effects[i].what);
    if (check != nullptr && needs_data(effects[i])) conditions.add(*check->check);
  }
  return conditions;
}

std::size_t behind_saves(const std::vector<Effect>& effects) {
  std::size_t end = effects.size();
  while (end > 0 && !std::holds_alternative<SaveEffect>(effects[end - 1].what)) --end;
  return end;
}

bool needs_data(const Effect& effect) {
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return !decide(*check->check).has_value();
  if (const auto* report = std::get_if<ReportEffect>(&effect.what)) return report->report.needs_data;
  return std::holds_alternative<SaveEffect>(effect.what);
}

}  // namespace brainsurgery
