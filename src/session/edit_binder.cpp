#include "session/edit_binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "base/interrupt.h"
#include "plan/hints.h"
#include "session/destination_names.h"
#include "session/readable_operands.h"
#include "session/seed.h"

namespace brainsurgery {
namespace {

// The alias that counts as changed when the output's is inferred.
const std::string& alias_worked_on(const std::vector<PreparedRef>& refs) {
  const auto says = [&refs](bool Role::*flag) {
    return std::ranges::find_if(refs, [flag](const PreparedRef& ref) { return ref.role.*flag; });
  };
  auto found = says(&Role::contributes);
  if (found == refs.end()) found = says(&Role::writes);
  return found == refs.end() ? refs.front().alias : found->alias;
}

NameSet names_of_ref(const PreparedRef& ref) {
  NameSet names{ref.alias, "", false};
  if (ref.pattern) {
    names.prefix = ref.pattern->literal_prefix();
    names.whole = ref.pattern->is_literal();
  } else if (!ref.ref->structured) {
    names.prefix = ref.ref->expr.substr(0, ref.expansion ? ref.ref->expr.find_first_of("\\$") : std::string::npos);
    names.whole = !ref.expansion || ref.expansion->is_constant();
  }
  return names;
}

std::vector<NameSet> touched_names(const std::vector<StepPartPtr>& parts) {
  std::vector<NameSet> touched;
  for (const StepPartPtr& part : parts) {
    for (const PreparedRef& ref : part->refs) touched.push_back(names_of_ref(ref));
  }
  return touched;
}

std::string_view first_written(const ResolvedRow& row) {
  const ResolvedName* target = row.first_target();
  return target == nullptr ? std::string_view() : target->name;
}

// Rows with one name that is given up and one that is taken.
bool exchanges(const std::vector<ResolvedRow>& rows) {
  return !rows.empty() && rows.front().names.back().ref->role.policy == Role::Policy::vacated;
}

}  // namespace

void EditBinder::bind(const std::vector<StepPartPtr>& parts) {
  if (parts.empty()) return;  // reported
  const std::vector<NameSet> touched = touched_names(parts);
  step_.follows_from_mistake = mistakes_.touch(touched);
  warn_of_groups(*parts.front());
  begin_models(parts);
  try {
    perform(parts);
  } catch (const Error& error) {
    mistakes_.report(error, touched, step_);
    distrust_results(parts);
  }
}

void EditBinder::perform(const std::vector<StepPartPtr>& parts) {
  std::vector<ResolvedRow> rows;
  for (const StepPartPtr& part : parts) std::ranges::move(finder_.rows(*part), std::back_inserter(rows));
  begin_models(finder_.closed());
  if (exchanges(rows)) {
    exchange_names(rows);
  } else {
    check_destinations(rows, names_, missing_);
    for (const ResolvedRow& row : rows) {
      throw_if_interrupted();
      apply(row);
    }
  }
  warn_of_sources(parts);
  if (edit_.lists_outcomes) print_account(parts);
  contribute(parts);
  contribute(finder_.closed());
  changes_.mark_and_announce();
}

// Those that the step is the first to write to.
void EditBinder::begin_models(const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) {
    for (const PreparedRef& ref : part->refs) {
      if (ref.role.begins_model && !models_.open(ref.alias)) changes_.begin(ref.alias);
    }
  }
}

void EditBinder::contribute(const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) changes_.contribute(alias_worked_on(part->refs));
}

// Writing values into a tensor changes nothing that binding looks at.
void EditBinder::distrust_results(const std::vector<StepPartPtr>& parts) {
  for (const StepPartPtr& part : parts) {
    for (const PreparedRef& ref : part->refs) {
      const Role& role = ref.role;
      const bool is_new = role.policy == Role::Policy::must_not_exist || role.policy == Role::Policy::vacated;
      if (role.removes || (role.writes && (role.replaces || is_new))) mistakes_.distrust(names_of_ref(ref));
    }
  }
}

void EditBinder::exchange_names(const std::vector<ResolvedRow>& rows) {
  std::map<std::string, std::map<std::string, NameChange>> changes;  // by alias, by old name
  for (const ResolvedRow& row : rows) {
    const ResolvedName& from = row.names.front();
    const ResolvedName& to = row.names.back();
    if (from.alias() != to.alias()) {
      throw Error(ErrorCode::plan, fmt::format("{}: names are exchanged within one model", to.ref->where),
                  to.written().span, {"move takes tensors from one model to another"});
    }
    NameChange& change = changes[from.alias()][from.name];
    change.from = from.name;
    change.to.push_back(to.name);
  }
  for (auto& [alias, by_name] : changes) {
    std::vector<NameChange> all;
    for (auto& [name, change] : by_name) all.push_back(std::move(change));
    changes_.give_names(alias, all);
  }
}

void EditBinder::apply(const ResolvedRow& row) {
  const Row operands = operands_of(row);
  if (edit_.warning && !operands.operands.empty()) sources_.push_back(operands.operands.front().front());
  std::vector<Expr> results = lowered(row, operands);
  changes_.count_uses(row);
  std::size_t next = 0;
  for (const ResolvedName& target : row.names) {
    if (!target.ref->role.writes) continue;
    Expr& result = results.at(next++);
    if (!result) continue;
    if (is_new(result)) sign(result, step_.maker_of(target.label()));
    changes_.write(target, std::move(result), row);
  }
  changes_.remove(row);
  if (step_.flags.verbose) announce(row);
}

Row EditBinder::operands_of(const ResolvedRow& row) {
  Row result;
  result.operands.resize(row.part->operand_fields);
  for (const ResolvedName& name : row.names) {
    if (!name.ref->role.reads) continue;
    Operand& operand = result.operands[name.ref->operand].emplace_back(Operand{name.alias(), name.name, Expr()});
    if (name.ref->role.may_lack && names_.of(name.alias()).find(name.name) == nullptr) continue;
    const Expr& whole = names_.tensor(name.alias(), name.name);
    operand.expr = names_.sliced(whole, name.written(), name.alias(), name.name);
  }
  // Two words, which a std::function holds without allocating memory.
  result.seed = [this, &row] {
    const std::uint64_t seed = derived_seed(step_.step.index, first_written(row));
    remember_seed(row, seed);
    return seed;
  };
  result.key = [&row] { return name_hash(first_written(row)); };
  result.target = first_written(row);
  result.tell = [this, &row](RowOutcome outcome) {
    const ResolvedName* target = row.first_target();
    account_.add(std::move(outcome), (target == nullptr ? row.names.front() : *target).label());
  };
  result.replaced = [this, &row](std::size_t number) { return before_write(row, number); };
  result.warn = [this, &row](const SourceSpan& place, const std::string& message) {
    warn_once(place, fmt::format("{} ({})", message, row.names.front().label()));
  };
  return result;
}

std::optional<TensorDesc> EditBinder::before_write(const ResolvedRow& row, std::size_t number) {
  auto found = row.names.begin();
  while (!found->ref->role.writes || number-- > 0) ++found;
  const NamedTensor* tensor = names_.of(found->alias()).find(found->name);
  if (tensor == nullptr) return std::nullopt;
  TensorDesc desc = tensor->expr.desc();
  if (found->written().slice)
    desc.shape = names_.region(found->written(), desc.shape, found->alias(), found->name).shape();
  return desc;
}

std::vector<Expr> EditBinder::lowered(const ResolvedRow& resolved, const Row& row) const {
  try {
    std::vector<Expr> results = edit_.lower(resolved.part->spec.get(), row);
    require_usable(step_.name(), row, results);
    for (const Expr& result : results) {
      if (result) static_cast<void>(byte_count(result.dtype(), result.shape()));  // it must be countable
    }
    return results;
  } catch (const Error& error) {
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
    require_readable(step_.name(), row);
    throw mistake_in(resolved, row, error);
  }
}

// A reason that has a place names its field.
Error EditBinder::mistake_in(const ResolvedRow& resolved, const Row& row, const Error& error) const {
  std::vector<std::string> labels;
  for (const std::vector<Operand>& operands : row.operands) {
    for (const Operand& operand : operands) labels.push_back(label_of(operand.alias, operand.name));
  }
  if (labels.empty()) labels.push_back(resolved.first_target()->label());
  const auto& [severity, place, reason, notes] = error.diagnostics().front();
  const std::string where = place.known() ? "" : step_.name() + ": ";
  return Error(ErrorCode::plan, fmt::format("{}{} ({})", where, reason, fmt::join(labels, ", ")),
               place.known() ? place : resolved.names.front().written().span, notes);
}

void EditBinder::remember_seed(const ResolvedRow& row, std::uint64_t seed) {
  ExecutedStep::SeededMatch seeded{row.part->payload, {}, seed};
  for (const ResolvedName& name : row.names) {
    TensorRef literal = name.written();
    literal.alias = name.alias();
    literal.structured = false;
    if (name.ref->pattern) literal.expr = literal_pattern(name.name);
    if (name.ref->expansion) literal.expr = literal_template(name.name);
    seeded.references.emplace_back(name.ref->field->name, to_string(literal));
  }
  step_.seeded.push_back(std::move(seeded));
}

void EditBinder::print_account(const std::vector<StepPartPtr>& parts) {
  std::vector<StepPartPtr> all = parts;
  std::ranges::copy(finder_.closed(), std::back_inserter(all));
  std::set<std::string> read;
  bool lists = false;
  for (const StepPartPtr& part : all) {
    if (part->spec == nullptr) continue;
    lists = lists || edit_.lists_outcomes(part->spec.get());
    for (const PreparedRef& ref : part->refs) {
      if (ref.role.reads) read.insert(ref.alias);
    }
  }
  for (const std::string& alias : read) {
    for (const auto& [name, tensor] : names_.of(alias).names()) {
      if (tensor.counts.reads == 0) account_.add_unread(label_of(alias, name));
    }
  }
  const std::string text = account_.text(step_.name(), lists);
  if (!text.empty()) step_.print(text);
}

// "copy: src -> dst", "add: a, b -> dst", "scale_: name", "concat: 2 tensors -> n"; a line for each of a list of
// targets.
void EditBinder::announce(const ResolvedRow& row) {
  std::vector<std::string> sources;
  std::vector<std::string> targets;
  bool many_sources = false;
  bool many_targets = false;
  for (const ResolvedName& name : row.names) {
    const bool writes = name.ref->role.writes;
    (writes ? targets : sources).push_back(name.name);
    (writes ? many_targets : many_sources) |= name.ref->role.members || is_list(*name.ref->field->type);
  }
  const std::string from =
      many_sources ? fmt::format("{} tensors", sources.size()) : fmt::format("{}", fmt::join(sources, ", "));
  if (!many_targets) targets = {fmt::format("{}", fmt::join(targets, ", "))};
  for (const std::string& target : targets)
    step_.announce(step_.name() + ": " + from + (from.empty() || target.empty() ? "" : " -> ") + target);
}

void EditBinder::warn_of_groups(const StepPart& part) const {
  if (part.refs.front().pattern && part.refs.front().pattern->structured()) return;  // not of regular expressions
  for (const PreparedRef& ref : part.refs) {
    if (!ref.expansion) continue;
    for (const std::string& note : group_notes(*ref.ref))
      step_.warn(ref.ref->span, fmt::format("{}: {}", ref.where, note));
  }
}

// The sources of an open part are told of with the first part that they made.
void EditBinder::warn_of_sources(const std::vector<StepPartPtr>& parts) const {
  if (!edit_.warning) return;
  const std::vector<StepPartPtr>& closed = finder_.closed();
  const StepPart& part = parts.front()->spec != nullptr || closed.empty() ? *parts.front() : *closed.front();
  if (part.spec == nullptr) return;
  const std::string text = edit_.warning(part.spec.get(), sources_);
  if (!text.empty()) step_.warn(part.refs.front().ref->span, step_.name() + ": " + text);
}

void EditBinder::warn_once(const SourceSpan& place, std::string message) {
  if (warned_.emplace(place.line, place.column).second) step_.warn(place, std::move(message));
}

}  // namespace brainsurgery
