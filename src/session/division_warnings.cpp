#include "session/division_warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace brainsurgery {
namespace {

constexpr std::size_t kMostSteps = 10;
constexpr std::size_t kMostTensors = 3;  // of a step

using Entry = std::pair<MakerPtr, DivisionCount>;

auto place_of(const Maker& maker) {
  const SourceText* text = maker.place.source.get();
  return std::tuple(text == nullptr ? std::string_view() : std::string_view(text->name), maker.place.line, maker.step,
                    std::string_view(maker.command));
}

std::string counted_divisions(const DivisionCount& count) {
  return fmt::format("{} of {} division{}", count.by_zero, count.all, count.all == 1 ? "" : "s");
}

// Of the tensors that one step divided.
Diagnostic warning_of(std::span<const Entry> entries) {
  const Maker& maker = *entries.front().first;
  DivisionCount sum;
  for (const Entry& entry : entries) {
    sum.by_zero += entry.second.by_zero;
    sum.all += entry.second.all;
  }
  const std::string where = entries.size() == 1 ? maker.tensor : fmt::format("{} tensors", entries.size());
  Diagnostic warning{Severity::warning,
                     maker.place,
                     fmt::format("step {}, {}: {} for {} {} by zero", maker.step, maker.command, counted_divisions(sum), where,
                                 sum.by_zero == 1 ? "was" : "were"),
                     {}};
  if (entries.size() == 1) return warning;
  for (const Entry& entry : entries.first(std::min(entries.size(), kMostTensors)))
    warning.notes.push_back(fmt::format("{}: {}", entry.first->tensor, counted_divisions(entry.second)));
  if (entries.size() > kMostTensors)
    warning.notes.push_back(fmt::format("and {} more", entries.size() - kMostTensors));
  return warning;
}

}  // namespace

std::vector<Diagnostic> division_warnings(const DivisionCounts& divisions) {
  std::vector<Entry> entries;
  for (const auto& [maker, count] : divisions.counts()) {
    if (count.by_zero > 0) entries.emplace_back(maker, count);
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) {
    return std::tuple_cat(place_of(*entry.first), std::tuple(std::string_view(entry.first->tensor)));
  });
  std::vector<Diagnostic> warnings;
  std::size_t others = 0;
  for (auto at = entries.begin(); at != entries.end();) {
    const auto end = std::find_if(
        at, entries.end(), [at](const Entry& entry) { return place_of(*entry.first) != place_of(*at->first); });
    if (warnings.size() < kMostSteps) {
      warnings.push_back(warning_of({at, end}));
    } else {
      ++others;
    }
    at = end;
  }
  if (others > 0) warnings.back().notes.push_back(fmt::format("{} more steps divided by zero", others));
  return warnings;
}

}  // namespace brainsurgery
