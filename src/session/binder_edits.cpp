// The part of the binder that performs edits: which names a step touches, and what is put under them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "base/interrupt.h"
#include "graph/visitor.h"
#include "plan/hints.h"
#include "plan/match_names.h"
#include "session/binder.h"
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

void require_readable(const PreparedStep& step, const Row& row) {
  for (const std::vector<Operand>& operands : row.operands) {
    for (const auto& [alias, name, expr] : operands) {
      if (!is_readable(expr)) require_readable(expr, step.name() + ": " + label_of(alias, name));
    }
  }
}

bool is_view(const Expr& expr) {
  return as<nodes::Slice>(expr) != nullptr || as<nodes::Permute>(expr) != nullptr ||
         as<nodes::Reshape>(expr) != nullptr || as<nodes::Concat>(expr) != nullptr;
}

// The first tensor below the views of `expr` for which `is_wanted` holds; an empty Expr: none.
template <typename Wanted>
Expr find_below_views(const Expr& expr, const Wanted& is_wanted) {
  if (!is_view(expr)) return is_wanted(expr) ? expr : Expr();
  std::vector<Expr> open{expr};
  std::unordered_set<const Node*> seen;
  while (!open.empty()) {
    const Expr at = std::move(open.back());
    open.pop_back();
    if (!seen.insert(at.get()).second) continue;
    if (is_view(at)) {
      std::ranges::move(operands(at.node()), std::back_inserter(open));
    } else if (is_wanted(at)) {
      return at;
    }
  }
  return Expr();
}

const BlockCode* undecodable(const Expr& expr) {
  const auto* source = as<nodes::Source>(expr);
  const BlockCode* code = source == nullptr ? nullptr : source->file->blocks();
  return code != nullptr && !code->unreadable.empty() ? code : nullptr;
}

// Views keep blocks as they are, so that others can undo them; what computes needs the elements.
void require_decodable(const Row& row, const std::vector<Expr>& results) {
  const auto is_computed = [](const Expr& expr) { return expr.node().depth() > 1; };
  for (const std::vector<Operand>& operands : row.operands) {
    for (const Operand& operand : operands) {
      const Expr found = find_below_views(operand.expr, undecodable);
      if (!found) continue;
      if (std::ranges::any_of(results, [&](const Expr& result) { return bool(find_below_views(result, is_computed)); }))
        throw Error(ErrorCode::plan, undecodable(found)->unreadable);
    }
  }
}

// A tensor whose elements cannot be read may get another name and nothing else.
bool only_passes_on(const Row& row, const std::vector<Expr>& results) {
  const auto is_operand = [&row](const Expr& result) {
    return std::ranges::any_of(row.operands, [&result](const std::vector<Operand>& operands) {
      return std::ranges::find(operands, result, &Operand::expr) != operands.end();
    });
  };
  return std::ranges::all_of(results, is_operand);
}

}  // namespace

void Binder::bind_action(const Edit& edit) {
  const std::vector<StepPartPtr>& parts = this->parts();
  if (parts.empty()) return;  // reported
  std::vector<NameSet> touched;
  for (const StepPartPtr& part : parts) {
    for (const PreparedRef& ref : part->refs) touched.push_back(names_of_ref(ref));
  }
  current_.follows_from_mistake = taints_.touch(touched);
  warn_of_groups(*parts.front());
  for (const StepPartPtr& part : parts) begin_models(part->refs);
  try {
    std::vector<ResolvedRow> rows;
    for (const StepPartPtr& part : parts) std::ranges::move(resolve(*part), std::back_inserter(rows));
    for (const StepPartPtr& part : current_.closed) begin_models(part->refs);
    if (exchanges(rows)) {
      exchange_names(rows);
    } else {
      check_destinations(rows);
      for (const ResolvedRow& row : rows) {
        throw_if_interrupted();
        apply(edit, row);
      }
    }
    warn_of_sources(edit, parts);
    for (const StepPartPtr& part : parts) contribute(alias_worked_on(part->refs));
    for (const StepPartPtr& part : current_.closed) contribute(alias_worked_on(part->refs));
    announce_changes();
  } catch (const Error& error) {
    report_mistake(error, touched);
    for (const StepPartPtr& part : parts) {
      for (const PreparedRef& ref : part->refs) {
        // Writing values into a tensor changes nothing that binding looks at.
        const Role& role = ref.role;
        const bool is_new = role.policy == Role::Policy::must_not_exist || role.policy == Role::Policy::vacated;
        if (role.removes || (role.writes && (role.replaces || is_new)))
          taints_.add(names_of_ref(ref));
      }
    }
  }
}

void Binder::begin_models(const std::vector<PreparedRef>& refs) {
  for (const PreparedRef& ref : refs) {
    if (ref.role.begins_model && !open(ref.alias)) state_.workspace.add(ref.alias, StateDict());
  }
}

// Counts what the step changed, and keeps in mind that its models did.
void Binder::announce_changes() {
  events::StepBound event{current_.step->index, current_.step->name(), 0, 0, 0};
  for (const DeltaEntry& entry : current_.delta) {
    if (!state_.flags.dry_run) {
      state_.changed.insert(entry.alias);
      state_.kept.erase(entry.alias);
    }
    event.created += entry.kind == DeltaEntry::Kind::created;
    event.changed += entry.kind == DeltaEntry::Kind::changed;
    event.deleted += entry.kind == DeltaEntry::Kind::deleted;
  }
  events_.on(event);
}

// The sources of an open part are told of with the first part that they made.
void Binder::warn_of_sources(const Edit& edit, const std::vector<StepPartPtr>& parts) {
  if (!edit.warning) return;
  const StepPart& part = parts.front()->spec != nullptr || current_.closed.empty() ? *parts.front()
                                                                                  : *current_.closed.front();
  if (part.spec == nullptr) return;
  const std::string text = edit.warning(part.spec.get(), current_.sources);
  if (text.empty()) return;
  events_.on(events::Warning{
      {Severity::warning, part.refs.front().ref->span, current_.step->name() + ": " + text, {}}});
}

void Binder::warn_of_groups(const StepPart& part) {
  if (part.refs.front().pattern && part.refs.front().pattern->structured()) return;  // not of regular expressions
  for (const PreparedRef& ref : part.refs) {
    if (!ref.expansion) continue;
    for (const std::string& note : group_notes(*ref.ref))
      events_.on(events::Warning{{Severity::warning, ref.ref->span, fmt::format("{}: {}", ref.where, note), {}}});
  }
}

const Expr& Binder::expr_of(const Resolved& resolved) {
  const NamedTensor* tensor = names_of(resolved.ref->alias).find(resolved.name);
  BS_CHECK(tensor != nullptr);
  return tensor->expr;
}

std::optional<TensorDesc> Binder::before_write(const ResolvedRow& row, std::size_t number) {
  auto found = row.names.begin();
  while (!found->ref->role.writes || number-- > 0) ++found;
  const Resolved& target = *found;
  const NamedTensor* tensor = names_of(target.ref->alias).find(target.name);
  if (tensor == nullptr) return std::nullopt;
  TensorDesc desc = tensor->expr.desc();
  if (target.ref->ref->slice)
    desc.shape = region_of(*target.ref->ref, desc.shape, target.ref->alias, target.name).shape();
  return desc;
}

namespace {

template <typename ResolvedRow>
auto first_target(const ResolvedRow& row) {
  return std::ranges::find_if(row.names, [](const auto& resolved) { return resolved.ref->role.writes; });
}

template <typename ResolvedRow>
std::string_view first_written(const ResolvedRow& row) {
  const auto target = first_target(row);
  return target == row.names.end() ? std::string_view() : target->name;
}

}  // namespace

Row Binder::operands_of(const ResolvedRow& row) {
  Row result;
  result.operands.resize(row.part->operand_fields);
  for (const Resolved& resolved : row.names) {
    const PreparedRef& ref = *resolved.ref;
    if (!ref.role.reads) continue;
    result.operands[ref.operand].push_back(
        {ref.alias, resolved.name, sliced(expr_of(resolved), *ref.ref, ref.alias, resolved.name)});
  }
  // Two words, which a std::function holds without allocating memory.
  result.seed = [this, &row] {
    const std::uint64_t seed = derived_seed(current_.step->index, first_written(row));
    remember_seed(row, seed);
    return seed;
  };
  result.key = [&row] { return name_hash(first_written(row)); };
  result.replaced = [this, &row](std::size_t number) { return before_write(row, number); };
  result.warn = [this, &row](const SourceSpan& place, const std::string& message) {
    warn_at(place, fmt::format("{} ({})", message, label_of(row.names.front().ref->alias, row.names.front().name)));
  };
  return result;
}

std::vector<Expr> Binder::lowered(const Edit& edit, const ResolvedRow& resolved, const Row& row) {
  const PreparedStep& step = *current_.step;
  try {
    std::vector<Expr> results = edit.lower(resolved.part->spec.get(), row);
    if (!only_passes_on(row, results)) require_readable(step, row);
    require_decodable(row, results);
    for (const Expr& result : results)
      static_cast<void>(byte_count(result.dtype(), result.shape()));  // it must be countable
    return results;
  } catch (const Error& error) {
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
    require_readable(step, row);
    std::vector<std::string> labels;
    for (const std::vector<Operand>& operands : row.operands) {
      for (const Operand& operand : operands) labels.push_back(label_of(operand.alias, operand.name));
    }
    if (labels.empty()) {
      const auto target = first_target(resolved);
      labels.push_back(label_of(target->ref->alias, target->name));
    }
    const auto& [severity, place, reason, notes] = error.diagnostics().front();
    // A reason that has a place names its field.
    const std::string where = place.known() ? "" : step.name() + ": ";
    throw Error(ErrorCode::plan, fmt::format("{}{} ({})", where, reason, fmt::join(labels, ", ")),
                place.known() ? place : resolved.names.front().ref->ref->span, notes);
  }
}

void Binder::apply(const Edit& edit, const ResolvedRow& row) {
  const Row operands = operands_of(row);
  if (edit.warning && !operands.operands.empty()) current_.sources.push_back(operands.operands.front().front());
  std::vector<Expr> results = lowered(edit, row, operands);
  count_uses(row);
  std::size_t next = 0;
  for (const Resolved& resolved : row.names) {
    if (!resolved.ref->role.writes) continue;
    Expr& result = results.at(next++);
    if (is_new(result)) sign(result, maker_of(resolved));
    write(resolved, std::move(result), row);
  }
  remove_names(row);
  if (state_.flags.verbose) announce_edit(row);
}

MakerPtr Binder::maker_of(const Resolved& target) const {
  const PreparedStep& step = *current_.step;
  return std::make_shared<const Maker>(
      Maker{step.index + 1, step.name(), label_of(target.ref->alias, target.name), step.span});
}

// What is renamed begins to count anew.
void Binder::count_uses(const ResolvedRow& row) {
  if (std::ranges::any_of(row.names, [](const Resolved& resolved) { return resolved.ref->role.renames; })) return;
  for (const Resolved& resolved : row.names) {
    const Role& role = resolved.ref->role;
    if (names_of(resolved.ref->alias).find(resolved.name) == nullptr) continue;
    if (role.reads || role.writes) count(resolved.ref->alias, resolved.name, role.reads ? 1 : 0, role.writes ? 1 : 0);
  }
}

void Binder::remove_names(const ResolvedRow& row) {
  for (const Resolved& resolved : row.names) {
    const auto replaces = [&resolved](const Resolved& other) {
      return other.ref->role.writes && other.ref->alias == resolved.ref->alias && other.name == resolved.name;
    };
    if (!resolved.ref->role.removes || std::ranges::any_of(row.names, replaces)) continue;
    StateDict& names = state_.workspace.at(resolved.ref->alias);
    if (names.find(resolved.name) != nullptr) names.erase(resolved.name);
    current_.delta.push_back({DeltaEntry::Kind::deleted, resolved.ref->alias, resolved.name, ""});
  }
}

void Binder::create(const Resolved& target, Expr value, const ResolvedRow& row) {
  StateDict& names = state_.workspace.at(target.ref->alias);
  const Resolved& from = row.names.front();
  const bool renames = target.ref->role.renames;
  if (renames && from.ref->alias == target.ref->alias) {
    names.rename(from.name, target.name);
  } else {
    const NamedTensor* moved = renames ? names_of(from.ref->alias).find(from.name) : nullptr;
    names.put(target.name, std::move(value), moved == nullptr ? std::nullopt : moved->storage);
  }
  if (from.ref->alias != target.ref->alias) adopt_documents(target.ref->alias, from.ref->alias);
  count_created(target.ref->alias, target.name);
  current_.delta.push_back({DeltaEntry::Kind::created, target.ref->alias, target.name, ""});
}

// A model that the plan makes has the side files of the one that its first tensor came from.
void Binder::adopt_documents(const std::string& alias, const std::string& from) {
  if (state_.flags.dry_run) return;
  Origin& origin = state_.origins[alias];
  const auto source = state_.origins.find(from);
  const bool has_own = origin.input != nullptr || origin.folder != nullptr || !origin.documents.empty();
  if (has_own || source == state_.origins.end()) return;
  origin.folder = source->second.folder;
  origin.opened = source->second.opened;
  origin.documents = source->second.documents;
}

void Binder::write(const Resolved& target, Expr value, const ResolvedRow& row) {
  if (names_of(target.ref->alias).find(target.name) == nullptr) return create(target, std::move(value), row);
  const std::optional<Slice>& slice = target.ref->ref->slice;
  if (slice || !target.ref->role.replaces) value = with_part(target, expr_of(target), std::move(value), row);
  warn_of_untying(target);
  state_.workspace.at(target.ref->alias).put(target.name, std::move(value));
  current_.delta.push_back({DeltaEntry::Kind::changed, target.ref->alias, target.name, slice ? slice->text : ""});
}

// The tensor with the value in the place of its slice, or of all of it; both must be alike.
Expr Binder::with_part(const Resolved& target, const Expr& before, Expr value, const ResolvedRow& row) {
  const std::string label = label_of(target.ref->alias, target.name);
  const std::string source = label_of(row.names.front().ref->alias, row.names.front().name);
  const TensorRef& ref = *target.ref->ref;
  const Region region =
      ref.slice ? region_of(ref, before.shape(), target.ref->alias, target.name) : Region();
  const TensorDesc wanted{before.dtype(), ref.slice ? region.shape() : before.shape()};
  if (value.desc() != wanted) {
    const bool shapes = value.shape() != wanted.shape;
    throw Error(ErrorCode::plan,
                fmt::format("{}: {} differ: the result has {}, {} has {}", target.ref->where,
                            shapes ? "shapes" : "dtypes", shapes ? to_string(value.shape()) : to_string(value.dtype()),
                            label, shapes ? to_string(wanted.shape) : to_string(wanted.dtype)),
                ref.span, {fmt::format("from {}", source)});
  }
  if (!ref.slice) return value;
  require_readable(before, label);
  require_readable(value, source);
  return overwrite(before, region, std::move(value));
}

void Binder::warn_at(const SourceSpan& place, std::string message) {
  if (current_.warned.emplace(place.line, place.column).second)
    events_.on(events::Warning{{Severity::warning, place, std::move(message), {}}});
}

// In PyTorch the write would change the partners too.
void Binder::warn_of_untying(const Resolved& target) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> partners = names_of(target.ref->alias).partners(target.name);
  if (partners.empty()) return;
  const std::size_t others = partners.size() - std::min(partners.size(), kNamed);
  partners.resize(partners.size() - others);
  events_.on(events::Warning{
      {Severity::warning,
       target.ref->ref->span,
       fmt::format(
           "{}: {} shares its storage with '{}'{}; from now on it is stored separately, the others keep their values",
           target.ref->where, label_of(target.ref->alias, target.name), fmt::join(partners, "', '"),
           others == 0 ? "" : fmt::format(" and {} more", others)),
       {}}});
}

void Binder::remember_seed(const ResolvedRow& row, std::uint64_t seed) {
  ExecutedStep::SeededMatch seeded{row.part->payload, {}, seed};
  for (const Resolved& resolved : row.names) {
    TensorRef literal = *resolved.ref->ref;
    literal.alias = resolved.ref->alias;
    literal.structured = false;
    if (resolved.ref->pattern) literal.expr = literal_pattern(resolved.name);
    if (resolved.ref->expansion) literal.expr = literal_template(resolved.name);
    seeded.references.emplace_back(resolved.ref->field->name, to_string(literal));
  }
  current_.seeded.push_back(std::move(seeded));
}

// "copy: src -> dst", "add: a, b -> dst", "scale_: name", "concat: 2 tensors -> n"; a line for each of a list of
// targets.
void Binder::announce_edit(const ResolvedRow& row) {
  std::vector<std::string> sources;
  std::vector<std::string> targets;
  bool many_sources = false;
  bool many_targets = false;
  for (const Resolved& resolved : row.names) {
    const bool writes = resolved.ref->role.writes;
    (writes ? targets : sources).push_back(resolved.name);
    (writes ? many_targets : many_sources) |= resolved.ref->role.members || is_list(*resolved.ref->field->type);
  }
  const std::string from =
      many_sources ? fmt::format("{} tensors", sources.size()) : fmt::format("{}", fmt::join(sources, ", "));
  if (!many_targets) targets = {fmt::format("{}", fmt::join(targets, ", "))};
  for (const std::string& target : targets)
    announce(current_.step->name() + ": " + from + (from.empty() || target.empty() ? "" : " -> ") + target);
}

}  // namespace brainsurgery
