#include "predicates/bounds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace brainsurgery {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> low_limit(const Bounds& bounds) { return bounds.ge ? bounds.ge : bounds.at_least; }
std::optional<std::int64_t> high_limit(const Bounds& bounds) { return bounds.le ? bounds.le : bounds.at_most; }

bool within(const Bounds& bounds, std::int64_t value) {
  return value >= low_limit(bounds).value_or(0) && value <= high_limit(bounds).value_or(kNone) &&
         (!bounds.gt || value > *bounds.gt) && (!bounds.lt || value < *bounds.lt);
}

bool contradict(const Bounds& bounds) {
  const auto low = low_limit(bounds), high = high_limit(bounds);
  return (low && high && *low > *high) || (low && bounds.lt && *low >= *bounds.lt) ||
         (bounds.gt && high && *bounds.gt >= *high) || (bounds.gt && bounds.lt && *bounds.gt >= *bounds.lt);
}

}  // namespace

bool Bounds::holds(std::int64_t value) const { return (!is || value == *is) && within(*this, value); }

std::string to_string(const Bounds& bounds) {
  if (bounds.is) return fmt::format("exactly {}", *bounds.is);
  std::vector<std::string> parts;
  if (const auto low = low_limit(bounds)) parts.push_back(fmt::format(">= {}", *low));
  if (bounds.gt) parts.push_back(fmt::format("> {}", *bounds.gt));
  if (const auto high = high_limit(bounds)) parts.push_back(fmt::format("<= {}", *high));
  if (bounds.lt) parts.push_back(fmt::format("< {}", *bounds.lt));
  return fmt::format("{}", fmt::join(parts, " and "));
}

std::optional<FieldProblem> problem_of_bounds(const Bounds& bounds) {
  struct Named {
    const char* name;
    const std::optional<std::int64_t>& value;
  };
  for (const Named& limit : {Named{"is", bounds.is},
                             {"ge", bounds.ge},
                             {"gt", bounds.gt},
                             {"le", bounds.le},
                             {"lt", bounds.lt},
                             {"at_least", bounds.at_least},
                             {"at_most", bounds.at_most}}) {
    if (limit.value && *limit.value < 0)
      return FieldProblem{limit.name, fmt::format("must not be negative, found {}", *limit.value)};
  }
  if (bounds.ge && bounds.at_least && *bounds.ge != *bounds.at_least) {
    return FieldProblem{"at_least", fmt::format("at_least {} disagrees with ge {}", *bounds.at_least, *bounds.ge)};
  }
  if (bounds.le && bounds.at_most && *bounds.le != *bounds.at_most) {
    return FieldProblem{"at_most", fmt::format("at_most {} disagrees with le {}", *bounds.at_most, *bounds.le)};
  }
  if (contradict(bounds)) return FieldProblem{"", "the bounds contradict each other"};
  if (bounds.is && !within(bounds, *bounds.is))
    return FieldProblem{"is", fmt::format("{} lies outside of the bounds", *bounds.is)};
  return std::nullopt;
}

}  // namespace brainsurgery
