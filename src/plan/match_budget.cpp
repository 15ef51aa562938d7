#include "plan/match_budget.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kUnitsPerName = 3'000;
constexpr std::int64_t kUnitsPerLook = 20'000;

}  // namespace

void MatchBudget::try_name(std::string_view name, std::string_view pattern) {
  left_ = std::min(left_ + kUnitsPerName, kUnits);
  name_ = name;
  pattern_ = pattern;
}

bool MatchBudget::take(std::int64_t units) {
  until_look_ -= units;
  if (until_look_ < 0) {
    until_look_ = kUnitsPerLook;
    throw_if_interrupted();
  }
  left_ -= units;
  return left_ >= 0;
}

void MatchBudget::spend(std::int64_t units) {
  if (!take(units)) {
    give_up("it takes too many steps",
            {"repeats inside repeats, or several *variables in one list, can match in too many ways"});
  }
}

void MatchBudget::spend_on_name(std::int64_t bytes) {
  if (!take(bytes)) give_up("the names of the destination are too long");
}

void MatchBudget::give_up(const std::string& reason, std::vector<std::string> notes) const {
  throw Error(ErrorCode::run,
              fmt::format("gave up matching the pattern {} at the name {}: {}", in_quotes(pattern_), in_quotes(name_),
                          reason),
              {}, std::move(notes));
}

}  // namespace brainsurgery
