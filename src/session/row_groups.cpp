#include "session/row_groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "plan/expressions.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kNamedMembers = 4;

using Member = RowGroups::Member;

// In numeric order, without gaps.
void put_in_order(std::vector<Member>& members, const PreparedRef& lead) {
  const auto fail = [&](const std::string& message, std::vector<std::string> notes = {}) {
    throw Error(ErrorCode::plan, fmt::format("{}: {}", lead.where, message), lead.ref->span, std::move(notes));
  };
  for (Member& member : members) {
    const PlanValue value = value_of_capture(member.counted);
    if (value.integer() == nullptr) {
      fail(fmt::format("'{}' of {} is no number, and nothing says which place it has", member.counted, member.name),
           {"write the values in their order, as in over: {p: [q, k, v]} or ${p:q|k|v}"});
    }
    member.number = *value.integer();
  }
  std::ranges::sort(members, {}, &Member::number);
  for (std::size_t i = 1; i < members.size(); ++i) {
    const std::int64_t expected = members[i - 1].number + 1;
    if (members[i].number == members[i - 1].number)
      fail(fmt::format("{} and {} have the same place", members[i - 1].name, members[i].name));
    if (members[i].number != expected)
      fail(fmt::format("between {} and {} the one with {} is missing", members[i - 1].name, members[i].name, expected));
  }
}

std::string few(const std::vector<Member>& members) {
  std::vector<std::string> names;
  for (const Member& member : members) {
    if (names.size() == kNamedMembers) break;
    names.push_back(member.counted);
  }
  return fmt::format("{}{}", fmt::join(names, ", "), members.size() > names.size() ? ", ..." : "");
}

}  // namespace

void RowGroups::add(ResolvedRow row, std::string member, std::string counted) {
  std::string key;
  for (const ResolvedName& name : row.names) key.append(name.alias()).append("::").append(name.name).push_back('\0');
  const auto [at, is_new] = by_results_.try_emplace(std::move(key), groups_.size());
  if (is_new) groups_.push_back({std::move(row), {}});
  groups_[at->second].members.push_back({std::move(member), std::move(counted)});
}

void RowGroups::require_same_size(const Group& first, const Group& second) {
  if (first.members.size() == second.members.size()) return;
  const PreparedRef& lead = second.row.part->refs.front();
  throw Error(ErrorCode::plan,
              fmt::format("{}: {} would be made of {} tensors, {} of {}", lead.where, first.row.names.back().name,
                          first.members.size(), second.row.names.back().name, second.members.size()),
              lead.ref->span,
              {fmt::format("members of the first: {}", few(first.members)),
               fmt::format("members of the second: {}", few(second.members))});
}

std::vector<ResolvedRow> RowGroups::take() {
  for (Group& group : groups_) {
    put_in_order(group.members, group.row.part->refs.front());
    require_same_size(groups_.front(), group);
  }
  std::vector<ResolvedRow> rows;
  for (Group& group : groups_) {
    std::vector<ResolvedName> names;
    for (Member& member : group.members) names.push_back({&group.row.part->refs.front(), std::move(member.name)});
    std::ranges::move(group.row.names, std::back_inserter(names));
    rows.push_back({group.row.part, std::move(names)});
  }
  return rows;
}

}  // namespace brainsurgery
