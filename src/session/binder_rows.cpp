// The part of the binder that finds what an edit is done with: the matches of its first reference, grouped to rows, and
// the names that the other references have in each.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/interrupt.h"
#include "plan/dotted_name.h"
#include "plan/expressions.h"
#include "plan/match_names.h"
#include "plan/yaml_text.h"
#include "session/binder.h"
#include "session/match_scope.h"
#include "session/model_scope.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kNamedMembers = 4;

// A tensor of a group with the value of the capture that counts it.
struct Member {
  std::string name;
  std::string counted;
  std::int64_t number = 0;  // that `counted` is
};

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

struct Binder::Groups {
  struct Group {
    ResolvedRow row;  // without the members
    std::vector<Member> members;
  };
  std::vector<Group> all;
  std::map<std::string, std::size_t> by_results;
};

ModelScope Binder::models() {
  ModelAccess access;
  access.names = [this](const std::string& alias) -> const StateDict& { return names_of(alias); };
  access.config = [this](const std::string& alias) { return config_of(alias); };
  access.read_text = [this](const std::string& path) { return read_text(path); };
  return {std::move(access), current_.step->default_alias, plan_.parameters};
}

// config.json as it is at the step; of an adapter adapter_config.json; an empty mapping where there is neither.
PlanValue Binder::config_of(const std::string& alias) {
  static_cast<void>(names_of(alias));
  for (const std::string_view name : {std::string_view(kConfigName), std::string_view("adapter_config.json")}) {
    DocumentEdit reading;
    reading.alias = alias;
    reading.name = name;
    reading.may_create = true;  // in memory
    PlanValue value = value_of_json(document_of(alias, reading).root);
    if (value.record() == nullptr || !value.record()->empty()) return value;
  }
  return {PlanValue::Record()};
}

PartMaker Binder::part_maker() {
  current_.aliases.clear();
  for (std::string& alias : aliases()) current_.aliases.insert(std::move(alias));
  return {registries_, *current_.step->step, current_.step->default_alias, current_.aliases, plan_.parameters};
}

const std::vector<StepPartPtr>& Binder::parts() {
  if (!current_.step->parts.empty()) return current_.step->parts;
  const ModelScope scope = models();
  current_.parts = part_maker()(current_.step->payload, &scope, *current_.diagnostics).parts;
  return current_.parts;
}

bool Binder::selects(const StepPart& part, const MatchScope& match) {
  const auto excluded = [&](const NamePattern& pattern) { return pattern.matches(match.name(), current_.matching); };
  if (std::ranges::any_of(part.selection.except, excluded)) return false;
  if (!part.selection.where) return true;
  const PlanValue value = evaluate(*part.selection.where, match);
  if (const auto* holds = std::get_if<bool>(&value.is)) return *holds;
  part.selection.where->text.fail({0, part.selection.where->text.text.size()},
                                  fmt::format("a condition is true or false, not {}", brainsurgery::describe(value)));
}

// A row for each match of the first reference, for each group of them, or one row where no reference leads to several
// tensors.
std::vector<Binder::ResolvedRow> Binder::resolve(const StepPart& part) {
  const PreparedRef& lead = part.refs.front();
  const bool is_one = !lead.pattern || lead.single;
  if (is_one && !part.selection.takes_all()) {
    throw Error(ErrorCode::plan, fmt::format("{}: 'where' and 'except' choose among matches, but '{}' stands for one tensor",
                                             lead.where, lead.ref->text),
                lead.ref->span);
  }
  if (!lead.pattern) return {single_row(part)};
  if (lead.single) {
    if (part.selection.optional && !any_match_in(*lead.pattern, names_of(lead.alias).names(), current_.matching))
      return {};
    return {single_row(part)};
  }
  std::vector<ResolvedRow> rows;
  std::map<std::string, StepPartPtr> closed;  // of an open part, by the values of its names
  const StateDict::Names& names = names_of(lead.alias).names();
  const ModelScope scope = models();
  const bool takes_all = part.selection.takes_all();
  Groups groups;
  bool any = false, any_match = false;
  for_each_match(*lead.pattern, names, current_.matching, [&](const auto& found, const Captures& captures) {
    any_match = true;
    if (!takes_all) {
      const MatchScope match(found->first, found->second.expr, *lead.pattern, captures, part.variables, &scope);
      if (!selects(part, match)) return;
    }
    any = true;
    const StepPart& own = part.spec == nullptr ? closed_part(part, captures, scope, closed) : part;
    if (own.member) {
      add_member(own, found->first, captures, groups);
    } else {
      rows.push_back(row_of(own, found->first, captures));
    }
  });
  if (!any && !part.selection.optional) {
    if (!any_match) throw no_match(lead.where, lead.alias, *lead.ref);
    throw Error(ErrorCode::plan, fmt::format("{}: 'where' and 'except' leave none of the tensors that match '{}'",
                                             lead.where, lead.ref->text),
                lead.ref->span);
  }
  finish_groups(groups, rows);
  for (auto& [values, own] : closed) current_.closed.push_back(std::move(own));  // rows refer to them
  return rows;
}

const StepPart& Binder::closed_part(const StepPart& open, const Captures& captures, const ModelScope& scope,
                                    std::map<std::string, StepPartPtr>& closed) {
  Variables values;
  std::string key;
  for (const auto& [name, place] : open.open) {
    values.emplace_back(name, value_of_capture(captures[place].text));
    key.append(captures[place].text).push_back('\0');
  }
  const auto [at, is_new] = closed.try_emplace(std::move(key));
  if (is_new) {
    Diagnostics mistakes;
    at->second = part_maker().closed(open, VariableScope(values, &scope), mistakes);
    mistakes.throw_if_errors();
  }
  return *at->second;
}

Binder::ResolvedRow Binder::single_row(const StepPart& part) {
  ResolvedRow row{&part, {}};
  Captures captures;
  for (const PreparedRef& ref : part.refs) {
    if (ref.pattern) {
      row.names.push_back({&ref, ref.single ? single_match(ref) : std::string()});
    } else if (ref.counted.empty()) {
      row.names.push_back({&ref, ref.expansion ? ref.expansion->expand(captures, current_.matching) : ref.ref->expr});
    } else {
      add_counted(part, ref, captures, row);
    }
  }
  return row;
}

Binder::ResolvedRow Binder::row_of(const StepPart& part, const std::string& name, const Captures& captures) {
  ResolvedRow row{&part, {}};
  row.names.reserve(part.refs.size());
  for (const PreparedRef& ref : part.refs) {
    if (&ref == &part.refs.front()) {
      row.names.push_back({&ref, name});
    } else if (ref.expansion) {
      row.names.push_back({&ref, ref.expansion->expand(captures, current_.matching)});
    } else if (!ref.counted.empty()) {
      add_counted(part, ref, captures, row);
    } else {
      row.names.push_back({&ref, ref.pattern ? single_match(ref) : ref.ref->expr});
    }
  }
  return row;
}

// One name for each result, with its number in the place of the name that counts them.
void Binder::add_counted(const StepPart& part, const PreparedRef& ref, const Captures& captures, ResolvedRow& row) {
  const Edit& edit = std::get<Edit>(current_.step->step->action);
  BS_CHECK(edit.count_results != nullptr);
  const Resolved& from = row.names.front();
  std::size_t count = 0;
  try {
    count = edit.count_results(part.spec.get(), sliced(expr_of(from), *from.ref->ref, from.ref->alias, from.name));
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, fmt::format("{}: {} ({})", current_.step->name(), error.what(),
                                             label_of(from.ref->alias, from.name)),
                ref.ref->span);
  }
  if (count > kMaxCombinations) {
    throw Error(ErrorCode::plan, fmt::format("{}: there would be {} tensors, more than {}", ref.where, count, kMaxCombinations),
                ref.ref->span);
  }
  std::vector<std::string>& texts = current_.counted[&ref];
  while (texts.size() < count)
    texts.push_back(with_name_replaced(ref.ref->expr, ref.counted, std::to_string(texts.size())));
  const NamePattern& lead = *part.refs.front().pattern;
  for (std::size_t i = 0; i < count; ++i) {
    TensorRef numbered = *ref.ref;
    numbered.expr = numbered.text = texts[i];
    numbered.structured = false;
    const bool is_template = lead.capture_count() > 0 || lead.structured();
    row.names.push_back({&ref, is_template ? NameTemplate::compile(numbered, lead, ref.where).expand(captures, current_.matching)
                                           : texts[i]});
  }
}

void Binder::add_member(const StepPart& part, const std::string& name, const Captures& captures, Groups& groups) {
  ResolvedRow row{&part, {}};
  std::string key;
  for (const PreparedRef& ref : part.refs) {
    if (&ref == &part.refs.front()) continue;
    row.names.push_back({&ref, ref.expansion ? ref.expansion->expand(captures, current_.matching)
                               : ref.pattern ? single_match(ref)
                                             : ref.ref->expr});
    key.append(ref.alias).append("::").append(row.names.back().name).push_back('\0');
  }
  const auto [at, is_new] = groups.by_results.try_emplace(std::move(key), groups.all.size());
  if (is_new) groups.all.push_back({std::move(row), {}});
  groups.all[at->second].members.push_back({name, std::string(captures[*part.member].text)});
}

void Binder::finish_groups(Groups& groups, std::vector<ResolvedRow>& rows) {
  const Groups::Group* first = nullptr;
  for (Groups::Group& group : groups.all) {
    const PreparedRef& lead = group.row.part->refs.front();
    put_in_order(group.members, lead);
    if (first != nullptr && first->members.size() != group.members.size()) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: {} would be made of {} tensors, {} of {}", lead.where, first->row.names.back().name,
                              first->members.size(), group.row.names.back().name, group.members.size()),
                  lead.ref->span,
                  {fmt::format("members of the first: {}", few(first->members)),
                   fmt::format("members of the second: {}", few(group.members))});
    }
    if (first == nullptr) first = &group;
  }
  for (Groups::Group& group : groups.all) {
    std::vector<Resolved> names;
    for (Member& member : group.members) names.push_back({&group.row.part->refs.front(), std::move(member.name)});
    std::ranges::move(group.row.names, std::back_inserter(names));
    rows.push_back({group.row.part, std::move(names)});
  }
}

std::string Binder::single_match(const PreparedRef& ref) {
  std::vector<std::string> found;
  for_each_matching_name(*ref.pattern, names_of(ref.alias).names(), current_.matching,
                         [&](const auto& at) { found.push_back(at->first); });
  if (found.empty()) throw no_match(ref.where, ref.alias, *ref.ref);
  if (found.size() > 1) {
    throw Error(
        ErrorCode::plan,
        fmt::format("{}: '{}' matches {} tensors, must match exactly one", ref.where, describe(*ref.ref), found.size()),
        ref.ref->span,
        {fmt::format("it matches '{}' and '{}'", found[0], found[1]),
         "a dot matches any character; write '\\.' for a dot"});
  }
  return found.front();
}

// All names are checked before the first tensor is touched.
void Binder::check_destinations(const std::vector<ResolvedRow>& rows) {
  std::set<std::pair<std::string_view, std::string_view>> written;  // mostly in order
  for (const ResolvedRow& row : rows) {
    throw_if_interrupted();
    for (const Resolved& resolved : row.names) {
      const Role& role = resolved.ref->role;
      const std::string& alias = resolved.ref->alias;
      if (role.policy == Role::Policy::any && !role.writes) continue;
      const bool exists = names_of(alias).find(resolved.name) != nullptr;
      if (resolved.name.empty()) {
        TensorRef full = *resolved.ref->ref;
        full.alias = alias;
        throw Error(ErrorCode::plan, fmt::format("{}: '{}' gives an empty name", resolved.ref->where, to_string(full)),
                    full.span);
      }
      if (role.policy == Role::Policy::must_exist && !exists)
        throw missing(resolved.ref->where, *resolved.ref->ref, alias, resolved.name);
      if (role.policy == Role::Policy::must_not_exist && exists) {
        throw Error(
            ErrorCode::plan,
            fmt::format("{}: destination already exists: {}", resolved.ref->where, label_of(alias, resolved.name)),
            resolved.ref->ref->span);
      }
      if (!role.writes) continue;
      const std::size_t before = written.size();
      written.emplace_hint(written.end(), alias, resolved.name);
      if (written.size() == before) {
        throw Error(ErrorCode::plan,
                    fmt::format("{}: destination collision: {} is written twice", resolved.ref->where,
                                label_of(alias, resolved.name)),
                    resolved.ref->ref->span);
      }
    }
  }
}

}  // namespace brainsurgery
