// A step: a schema, which says what it takes, and an action, which says what it does.
//
//   Step scale() {
//     SchemaBuilder<ScaleSpec> schema("scale", {...});
//     ...
//     return make_edit<ScaleSpec>(schema, [](const ScaleSpec& spec, const Row& row) {
//       return std::vector{map(operation("scale"), {row.one(0)}, {.numbers = {spec.by}})};
//     });
//   }
//
// Steps are of four kinds. An Edit makes tensors of tensors. A Check holds a condition on them. A Query prints what it
// finds. A Control opens and saves models and steers the plan. Whoever binds, describes or completes a step looks at its
// schema and at the kind of its action; none is known by its name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/check.h"
#include "brainsurgery/expr.h"
#include "brainsurgery/name_scope.h"
#include "brainsurgery/schema.h"

namespace brainsurgery {

class QueryScope;  // brainsurgery/query_scope.h
class PlanScope;   // of the library alone
struct PlanStep;

// A tensor that a reference selected. `expr` is the sliced part where the reference has a slice.
struct Operand {
  std::string alias;
  std::string name;
  Expr expr;  // empty where the reference's role may lack it, and there is none
};

// What became of a row, for the account that the step gives of its tensors.
struct RowOutcome {
  std::string what;      // "merged", "copied"
  std::string why = {};  // "a lacks it"; empty: as is expected
};

// What an edit is done with at one time: for each of its fields the tensors that belong together. Matches of the step's
// pattern that lead to one destination make one row; a match alone is a row of ones.
struct Row {
  // A list for each field that reads, in the order of the schema; empty for one that was left out.
  std::vector<std::vector<Operand>> operands;
  // What the reference that writes, of that number, names before the step: a tensor, or the part that a slice selects.
  // nullopt: nothing.
  std::function<std::optional<TensorDesc>(std::size_t target)> replaced;
  // For random values without a seed: from the step's place in the plan and the written name. Asking is recorded.
  std::function<std::uint64_t()> seed;
  std::function<std::uint64_t()> key;  // for random values by counter: from the written name alone
  std::string_view target;  // the written name; empty: none is
  std::function<void(RowOutcome outcome)> tell;  // at most once; of steps that account for their tensors
  // Warns at a place in the plan: once, however many rows say it.
  std::function<void(const SourceSpan& place, const std::string& message)> warn;

  // The only operand of a field, by its number among those that read.
  [[nodiscard]] const Expr& one(std::size_t field) const { return operands[field].front().expr; }
};

struct Edit {
  // The new tensors, one for each reference that writes, in the order of the schema; an empty one leaves what is there. A value for a slice, or for a
  // tensor that exists and whose role does not say that it replaces, must have the shape and dtype of what it takes the
  // place of. Throws Error(plan), which may have a place.
  std::function<std::vector<Expr>(const void* spec, const Row& row)> lower = nullptr;
  // How many tensors `from` becomes, of a step that cuts tensors. Throws Error(plan) without a place. Unset elsewhere.
  std::function<std::size_t(const void* spec, const Expr& from)> count_results = nullptr;
  // What to warn of once all rows are there, by the tensors that they read first; empty: nothing. May be unset.
  std::function<std::string(const void* spec, const std::vector<Operand>& sources)> warning = nullptr;
  // At the end of the step its rows' outcomes are counted and printed; true: every tensor is listed. Unset: nothing is.
  std::function<bool(const void* spec)> lists_outcomes = nullptr;
};

struct Condition {
  std::function<CheckPtr(const void* spec, NameScope& names)> bind;
};

struct Query {
  // Throws Error(plan) for a mistake.
  std::function<void(const void* spec, QueryScope& plan)> bind;
};

struct Control {
  // Throws Error(plan) for a mistake, Error(run) for what cannot be opened.
  std::function<void(const void* spec, PlanScope& plan)> bind = nullptr;
  // The alias that exists after the step; empty: none that is new. May be unset.
  std::function<std::string(const void* spec, const std::optional<std::string>& default_alias)> introduces = nullptr;
  // The path that the step writes to. Unset: it writes to none.
  std::function<std::string(const void* spec)> writes = nullptr;
  // The steps that this one stands for; `read_text` gives a file. Throws Error(plan). Unset: it stands for none.
  std::function<std::vector<PlanStep>(const void* spec,
                                      const std::function<std::string(const std::string&)>& read_text)>
      steps = nullptr;
  // It reads or writes files or changes aliases: a preview asks before it is done.
  bool has_impact = false;
};

// The step that takes back what another one did.
struct UndoingStep {
  std::string name;  // empty: nothing has to be done
  std::shared_ptr<const YamlNode> payload = nullptr;
  // What `where` may say of a tensor that is not the same behind the step: "name", "shape".
  std::vector<std::string> changed = {};
  std::shared_ptr<const YamlNode> where = nullptr;  // in the place of the condition that was written; nullptr: that stays
};

// A payload as it is written, with expressions that are open, and its condition, which may be missing.
struct WrittenStep {
  const YamlNode& payload;  // without modifiers
  const YamlNode* where = nullptr;
  bool optional = false;  // there may be nothing to do
};
// Throws Error(plan), which may have a place, with the reason why nothing takes it back.
using Undo = std::function<UndoingStep(const WrittenStep& written)>;

struct Step {
  Schema schema;
  // nullptr after mistakes, which are reported.
  std::function<std::shared_ptr<const void>(const YamlNode& payload, const DecodeContext& context)> decode;
  std::variant<Edit, Condition, Query, Control> action;
  Undo undo = nullptr;  // unset: what the step takes away cannot be known from what it leaves

  [[nodiscard]] Step undone_by(Undo how) && {
    undo = std::move(how);
    return std::move(*this);
  }
};

template <typename Spec, typename Action>
[[nodiscard]] Step make_step(const SchemaBuilder<Spec>& builder, Action action) {
  Schema schema = builder.schema();
  auto decode = [decode = builder.decoder(), name = schema.name](
                    const YamlNode& payload, const DecodeContext& context) -> std::shared_ptr<const void> {
    return decode(payload, context, name);
  };
  return {std::move(schema), std::move(decode), std::move(action), nullptr};
}

// `edit` is the rest of the action, as in {.warning = ...}.
template <typename Spec, typename Lower>
[[nodiscard]] Step make_edit(const SchemaBuilder<Spec>& builder, Lower lower, Edit edit = {}) {
  edit.lower = [lower = std::move(lower)](const void* spec, const Row& row) -> std::vector<Expr> {
    return lower(*static_cast<const Spec*>(spec), row);
  };
  return make_step(builder, std::move(edit));
}

template <typename Spec, typename Bind>
[[nodiscard]] Step make_condition(const SchemaBuilder<Spec>& builder, Bind bind) {
  return make_step(builder, Condition{[bind = std::move(bind)](const void* spec, NameScope& names) {
                     return bind(*static_cast<const Spec*>(spec), names);
                   }});
}

template <typename Spec, typename Bind>
[[nodiscard]] Step make_query(const SchemaBuilder<Spec>& builder, Bind bind) {
  return make_step(builder, Query{[bind = std::move(bind)](const void* spec, QueryScope& plan) {
                     bind(*static_cast<const Spec*>(spec), plan);
                   }});
}

// `control` is the rest of the action, as in {.has_impact = true}.
template <typename Spec, typename Bind>
[[nodiscard]] Step make_control(const SchemaBuilder<Spec>& builder, Bind bind, Control control = {}) {
  control.bind = [bind = std::move(bind)](const void* spec, PlanScope& plan) {
    bind(*static_cast<const Spec*>(spec), plan);
  };
  return make_step(builder, std::move(control));
}

// Every step of the program, by name.
class StepRegistry {
 public:
  // Throws Error(plan) where there is a step of this name.
  void add(Step step);
  [[nodiscard]] const Step* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

}  // namespace brainsurgery
