#include "session/destination_names.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "base/interrupt.h"

namespace brainsurgery {
namespace {

using WrittenNames = std::set<std::pair<std::string_view, std::string_view>>;  // of aliases

[[noreturn]] void refuse(const ResolvedName& target, const std::string& problem) {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", target.ref->where, problem), target.written().span);
}

void check_policy(const ResolvedName& target, bool exists, const MissingNames& missing) {
  if (target.name.empty()) {
    TensorRef full = target.written();
    full.alias = target.alias();
    refuse(target, fmt::format("'{}' gives an empty name", to_string(full)));
  }
  const Role::Policy policy = target.ref->role.policy;
  if (policy == Role::Policy::must_exist && !exists)
    throw missing.missing(target.ref->where, target.written(), target.alias(), target.name);
  if (policy == Role::Policy::must_not_exist && exists)
    refuse(target, "destination already exists: " + target.label());
}

// Names come mostly in order.
void check_collision(const ResolvedName& target, WrittenNames& written) {
  const std::size_t before = written.size();
  written.emplace_hint(written.end(), target.alias(), target.name);
  if (written.size() == before)
    refuse(target, fmt::format("destination collision: {} is written twice", target.label()));
}

}  // namespace

void check_destinations(const std::vector<ResolvedRow>& rows, StepNames& names, const MissingNames& missing) {
  WrittenNames written;
  for (const ResolvedRow& row : rows) {
    throw_if_interrupted();
    for (const ResolvedName& target : row.names) {
      const Role& role = target.ref->role;
      if (role.policy == Role::Policy::any && !role.writes) continue;
      const bool exists = names.of(target.alias()).find(target.name) != nullptr;
      check_policy(target, exists, missing);
      if (role.writes) check_collision(target, written);
    }
  }
}

}  // namespace brainsurgery
