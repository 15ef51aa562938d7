#include "session/effects.h"

namespace brainsurgery {

bool needs_data(const Effect& effect) {
  if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return !decide(*check->check).has_value();
  if (const auto* report = std::get_if<ReportEffect>(&effect.what)) return report->report.needs_data;
  return std::holds_alternative<SaveEffect>(effect.what);
}

}  // namespace brainsurgery
