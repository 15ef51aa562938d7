#include "session/row_finder.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/dotted_name.h"
#include "plan/expressions.h"
#include "plan/match_names.h"
#include "plan/yaml_text.h"

namespace brainsurgery {

std::vector<ResolvedRow> RowFinder::rows(const StepPart& part) {
  const PreparedRef& lead = part.refs.front();
  if (lead.pattern && !lead.single) return rows_of_matches(part);
  if (!part.selection.takes_all()) {
    throw Error(ErrorCode::plan, fmt::format("{}: 'where' and 'except' choose among matches, but '{}' stands for one tensor",
                                             lead.where, lead.ref->text),
                lead.ref->span);
  }
  const bool may_lack = lead.pattern && part.selection.optional;
  if (may_lack && !any_match_in(*lead.pattern, names_.of(lead.alias).names(), step_.matching)) return {};
  return {single_row(part)};
}

std::vector<ResolvedRow> RowFinder::rows_of_matches(const StepPart& part) {
  const PreparedRef& lead = part.refs.front();
  std::vector<ResolvedRow> rows;
  RowGroups groups;
  ClosedParts closed;
  const bool takes_all = part.selection.takes_all();
  bool any = false, any_match = false;
  for_each_match(*lead.pattern, names_.of(lead.alias).names(), step_.matching,
                 [&](const auto& found, const Captures& captures) {
    any_match = true;
    const MatchScope match(found->first, found->second.expr, *lead.pattern, captures, part.variables, &late_.models());
    if (!takes_all && !selects(part, match)) return;
    any = true;
    const StepPart& own = part.spec == nullptr ? closed_part(part, match, captures, closed) : part;
    if (own.member) {
      groups.add(results_of(own, captures), found->first, std::string(captures[*own.member].text));
    } else {
      rows.push_back(row_of(own, found->first, captures));
    }
  });
  if (!any && !part.selection.optional) {
    if (!any_match) throw missing_.no_match(lead.where, lead.alias, *lead.ref);
    throw Error(ErrorCode::plan, fmt::format("{}: 'where' and 'except' leave none of the tensors that match '{}'",
                                             lead.where, lead.ref->text),
                lead.ref->span);
  }
  std::ranges::move(groups.take(), std::back_inserter(rows));
  for (auto& [values, own] : closed) closed_.push_back(std::move(own));
  return rows;
}

bool RowFinder::selects(const StepPart& part, const MatchScope& match) {
  const auto excluded = [&](const NamePattern& pattern) { return pattern.matches(match.name(), step_.matching); };
  if (std::ranges::any_of(part.selection.except, excluded)) return false;
  if (!part.selection.where) return true;
  const PlanValue value = evaluate(*part.selection.where, match);
  if (const auto* holds = std::get_if<bool>(&value.is)) return *holds;
  part.selection.where->text.fail({0, part.selection.where->text.text.size()},
                                  fmt::format("a condition is true or false, not {}", brainsurgery::describe(value)));
}

const StepPart& RowFinder::closed_part(const StepPart& open, const MatchScope& match, const Captures& captures,
                                       ClosedParts& closed) const {
  Variables values;
  std::string key;
  for (const auto& [name, place] : open.open) {
    values.emplace_back(name, value_of_capture(captures[place].text));
    key.append(captures[place].text).push_back('\0');
  }
  for (const std::string& fact : open.facts) {
    values.emplace_back(fact, *match.fact(fact));
    key.append(to_text(values.back().second)).push_back('\0');
  }
  const auto [at, is_new] = closed.try_emplace(std::move(key));
  if (is_new) at->second = late_.closed(open, values);
  return *at->second;
}

std::string RowFinder::name_of(const PreparedRef& ref, const Captures& captures) {
  if (ref.expansion) return ref.expansion->expand(captures, step_.matching);
  return ref.pattern ? single_match(ref) : ref.ref->expr;
}

ResolvedRow RowFinder::single_row(const StepPart& part) {
  ResolvedRow row{&part, {}};
  const Captures captures;
  for (const PreparedRef& ref : part.refs) {
    if (ref.pattern) {
      row.names.push_back({&ref, ref.single ? single_match(ref) : std::string()});
    } else if (ref.counted.empty()) {
      row.names.push_back({&ref, name_of(ref, captures)});
    } else {
      add_counted(part, ref, captures, row);
    }
  }
  return row;
}

ResolvedRow RowFinder::row_of(const StepPart& part, const std::string& name, const Captures& captures) {
  ResolvedRow row{&part, {}};
  row.names.reserve(part.refs.size());
  for (const PreparedRef& ref : part.refs) {
    if (&ref == &part.refs.front()) {
      row.names.push_back({&ref, name});
    } else if (!ref.expansion && !ref.counted.empty()) {
      add_counted(part, ref, captures, row);
    } else {
      row.names.push_back({&ref, name_of(ref, captures)});
    }
  }
  return row;
}

ResolvedRow RowFinder::results_of(const StepPart& part, const Captures& captures) {
  ResolvedRow row{&part, {}};
  for (const PreparedRef& ref : part.refs) {
    if (&ref != &part.refs.front()) row.names.push_back({&ref, name_of(ref, captures)});
  }
  return row;
}

std::size_t RowFinder::count_results(const StepPart& part, const PreparedRef& ref, const ResolvedName& from) {
  const Edit& edit = std::get<Edit>(step_.step.step->action);
  BS_CHECK(edit.count_results != nullptr);
  std::size_t count = 0;
  try {
    const Expr& whole = names_.tensor(from.alias(), from.name);
    count = edit.count_results(part.spec.get(), names_.sliced(whole, from.written(), from.alias(), from.name));
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, fmt::format("{}: {} ({})", step_.name(), error.what(), from.label()), ref.ref->span);
  }
  if (count > kMaxCombinations) {
    throw Error(ErrorCode::plan, fmt::format("{}: there would be {} tensors, more than {}", ref.where, count, kMaxCombinations),
                ref.ref->span);
  }
  return count;
}

void RowFinder::add_counted(const StepPart& part, const PreparedRef& ref, const Captures& captures, ResolvedRow& row) {
  const std::size_t count = count_results(part, ref, row.names.front());
  std::vector<std::string>& texts = counted_[&ref];
  while (texts.size() < count)
    texts.push_back(with_name_replaced(ref.ref->expr, ref.counted, std::to_string(texts.size())));
  const NamePattern& lead = *part.refs.front().pattern;
  const bool is_template = lead.capture_count() > 0 || lead.structured();
  for (std::size_t i = 0; i < count; ++i) {
    TensorRef numbered = *ref.ref;
    numbered.expr = numbered.text = texts[i];
    numbered.structured = false;
    row.names.push_back({&ref, is_template ? NameTemplate::compile(numbered, lead, ref.where).expand(captures, step_.matching)
                                           : texts[i]});
  }
}

std::string RowFinder::single_match(const PreparedRef& ref) {
  std::vector<std::string> found;
  for_each_matching_name(*ref.pattern, names_.of(ref.alias).names(), step_.matching,
                         [&](const auto& at) { found.push_back(at->first); });
  if (found.empty()) throw missing_.no_match(ref.where, ref.alias, *ref.ref);
  if (found.size() > 1) {
    throw Error(ErrorCode::plan,
                fmt::format("{}: '{}' matches {} tensors, must match exactly one", ref.where,
                            step_.describe(*ref.ref), found.size()),
                ref.ref->span,
                {fmt::format("it matches '{}' and '{}'", found[0], found[1]),
                 "a dot matches any character; write '\\.' for a dot"});
  }
  return found.front();
}

}  // namespace brainsurgery
