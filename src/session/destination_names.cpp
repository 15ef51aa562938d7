#include "session/destination_names.h"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

#include "base/interrupt.h"

namespace brainsurgery {
namespace {

// Of aliases; by which combination of the values of `each`.
using WrittenNames = std::map<std::pair<std::string_view, std::string_view>, std::size_t>;

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

// Names come mostly in order. Combinations may change a tensor in place, one after another.
void check_collision(const ResolvedName& target, std::size_t combination, WrittenNames& written) {
  const std::size_t before = written.size();
  const auto at = written.emplace_hint(
      written.end(), std::pair<std::string_view, std::string_view>(target.alias(), target.name), combination);
  const bool is_later = target.ref->role.reads && std::exchange(at->second, combination) != combination;
  if (written.size() == before && !is_later)
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
      if (role.writes) check_collision(target, row.part->combination, written);
    }
  }
}

}  // namespace brainsurgery
