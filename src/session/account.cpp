#include "session/account.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>

namespace brainsurgery {
namespace {

constexpr std::size_t kNamed = 3;

std::string few(std::span<const std::string> labels) {
  const std::size_t named = std::min(labels.size(), kNamed);
  const std::string rest = labels.size() > named ? fmt::format(" and {} more", labels.size() - named) : "";
  return fmt::format("{}{}", fmt::join(labels.first(named), ", "), rest);
}

std::string heading(const RowOutcome& outcome) {
  return outcome.why.empty() ? outcome.what : fmt::format("{}, since {}", outcome.what, outcome.why);
}

}  // namespace

void Account::add(RowOutcome outcome, std::string label) {
  const auto is_same = [&](const Group& group) {
    return group.outcome.what == outcome.what && group.outcome.why == outcome.why;
  };
  auto group = std::ranges::find_if(groups_, is_same);
  if (group == groups_.end()) group = groups_.insert(groups_.end(), {std::move(outcome), {}});
  group->labels.push_back(std::move(label));
}

std::string Account::counts() const {
  std::vector<std::pair<std::string, std::size_t>> totals;
  for (const Group& group : groups_) {
    const auto found = std::ranges::find(totals, group.outcome.what, &std::pair<std::string, std::size_t>::first);
    if (found == totals.end()) {
      totals.emplace_back(group.outcome.what, group.labels.size());
    } else {
      found->second += group.labels.size();
    }
  }
  std::vector<std::string> texts;
  for (const auto& total : totals) texts.push_back(fmt::format("{} {}", total.second, total.first));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string Account::text(const std::string& step, bool lists) const {
  if (groups_.empty()) return "";
  std::string text = fmt::format("{}: {}\n", step, counts());
  const auto add = [&](const std::string& what, const std::vector<std::string>& labels) {
    if (!lists) text += fmt::format("  {}: {}\n", what, few(labels));
    if (lists) {
      for (const std::string& label : labels) text += fmt::format("  {}: {}\n", what, label);
    }
  };
  for (const Group& group : groups_) {
    if (lists || !group.outcome.why.empty()) add(heading(group.outcome), group.labels);
  }
  if (!unread_.empty()) add("not read so far", unread_);
  return text;
}

}  // namespace brainsurgery
