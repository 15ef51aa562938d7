#include "formula/evaluate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/checked_math.h"
#include "base/spelling.h"
#include "formula/value_functions.h"

namespace brainsurgery {
namespace {

class Evaluator {
 public:
  Evaluator(const FormulaText& text, const ValueScope& scope) : text_(text), scope_(scope) {}

  PlanValue evaluate(const Term& term) {
    return std::visit([&](const auto& kind) { return value(kind, term); }, term.kind);
  }

 private:
  // `compute` with the place of `range` for whatever it throws.
  template <typename Compute>
  PlanValue at(const TextRange& range, const Compute& compute) const {
    try {
      return compute();
    } catch (const Error& error) {
      if (error.diagnostics().front().span.known()) throw;
      text_.fail(range, error.diagnostics().front().message, error.diagnostics().front().notes);
    }
  }

  PlanValue value(const terms::Number& number, const Term&) {
    return number.integer ? PlanValue{*number.integer} : PlanValue{number.value};
  }
  PlanValue value(const terms::Boolean& boolean, const Term&) { return {boolean.value}; }
  PlanValue value(const terms::Text& text, const Term&) { return {text.text}; }

  PlanValue value(const terms::Name& name, const Term& term) {
    if (std::optional<PlanValue> found = scope_.value(name.name)) return *std::move(found);
    const std::vector<std::string> known = scope_.names();
    std::vector<std::string> notes = did_you_mean(name.name, known);
    if (!known.empty()) notes.push_back(fmt::format("names: {}", fmt::join(known, ", ")));
    text_.fail(term.range, fmt::format("unknown name '{}'", name.name), std::move(notes));
  }

  PlanValue value(const terms::Range&, const Term& term) {
    text_.fail(term.range, "a range belongs in a list, as in [0..7]");
  }

  PlanValue value(const terms::List& list, const Term& term) {
    PlanValue::List items;
    std::size_t size = 0;
    for (const TermPtr& item : list.items) {
      if (const auto* range = std::get_if<terms::Range>(&item->kind)) {
        const std::size_t before = items.size();
        add_range(*range, items);
        size += items.size() - before;
      } else {
        size += size_of(items.emplace_back(evaluate(*item)));
      }
      if (size > kMaxValueSize) text_.fail(term.range, too_large());
    }
    return {std::move(items)};
  }

  void add_range(const terms::Range& range, PlanValue::List& into) {
    const std::int64_t first = integer(*range.first);
    const std::int64_t last = integer(*range.last);
    const std::int64_t step = range.step == nullptr ? 1 : integer(*range.step);
    if (step == 0) text_.fail(range.step->range, "the step of a range must not be 0");
    for (std::int64_t i = first; step > 0 ? i <= last : i >= last;) {
      into.push_back({i});
      if (into.size() > kMaxValueSize) return;  // the list is refused
      const std::optional<std::int64_t> next = try_add(i, step);
      if (!next) return;
      i = *next;
    }
  }

  PlanValue value(const terms::Member& member, const Term&) {
    const PlanValue base = evaluate(*member.base);
    if (const PlanValue* found = base.find(member.name)) return *found;
    if (base.record() == nullptr)
      text_.fail(member.name_range, fmt::format("cannot look for '{}' in {}", member.name, describe(base)));
    std::vector<std::string> keys;
    for (const auto& [key, inner] : *base.record()) keys.push_back(key);
    text_.fail(member.name_range, fmt::format("there is no '{}'", member.name), did_you_mean(member.name, keys));
  }

  PlanValue value(const terms::Part& part, const Term&) {
    const PlanValue base = evaluate(*part.base);
    if (part.components.size() != 1) text_.fail(part.brackets, "one index is needed here");
    const terms::Component& component = part.components.front();
    if (component.kind == terms::Component::Kind::index) return item_of(base, *component.index);
    if (component.kind == terms::Component::Kind::ellipsis) text_.fail(part.brackets, "an index is needed here");
    if (base.list() == nullptr)
      text_.fail(part.brackets, fmt::format("only lists have slices, found {}", describe(base)));
    return slice_of(*base.list(), component);
  }

  PlanValue item_of(const PlanValue& base, const Term& index) {
    const PlanValue at = evaluate(index);
    if (at.text() != nullptr) {
      if (const PlanValue* found = base.find(*at.text())) return *found;
      text_.fail(index.range, fmt::format("there is no '{}' in {}", *at.text(), describe(base)));
    }
    // A mapping from YAML or JSON has strings for keys: keep[i] with i = 3 is keep["3"].
    if (base.record() != nullptr) {
      if (const PlanValue* found = base.find(to_text(at))) return *found;
      text_.fail(index.range, fmt::format("there is no '{}' in the mapping", to_text(at)));
    }
    if (base.list() == nullptr || at.integer() == nullptr)
      text_.fail(index.range, fmt::format("cannot take part {} of {}", to_text(at), describe(base)));
    const std::int64_t size = std::ssize(*base.list());
    const std::int64_t position = *at.integer() < 0 ? *at.integer() + size : *at.integer();
    if (position < 0 || position >= size)
      text_.fail(index.range, fmt::format("the list has {} items, none at {}", size, *at.integer()));
    return (*base.list())[static_cast<std::size_t>(position)];
  }

  PlanValue slice_of(const PlanValue::List& list, const terms::Component& component) {
    if (component.step != nullptr) text_.fail(component.step->range, "slices of lists have no step");
    const std::int64_t size = std::ssize(list);
    const auto bound = [&](const TermPtr& term, std::int64_t missing) {
      if (term == nullptr) return missing;
      const std::int64_t given = integer(*term);
      return std::clamp<std::int64_t>(given < 0 ? given + size : given, 0, size);
    };
    const std::int64_t start = bound(component.start, 0);
    const std::int64_t stop = std::max(start, bound(component.stop, size));
    return {PlanValue::List(list.begin() + start, list.begin() + stop)};
  }

  PlanValue value(const terms::Unary& unary, const Term& term) {
    const PlanValue operand = evaluate(*unary.operand);
    return at(term.range, [&]() -> PlanValue {
      if (unary.op == Operator::logical_not) return {!truth_of(operand)};
      return apply(Operator::subtract, {std::int64_t{0}}, operand);
    });
  }

  PlanValue value(const terms::Chain& chain, const Term&) {
    PlanValue result = evaluate(*chain.first);
    for (const terms::Chain::Link& link : chain.links) {
      if (link.op == Operator::logical_and || link.op == Operator::logical_or) {
        const bool decided = at(chain.first->range, [&]() -> PlanValue { return {truth_of(result)}; }) ==
                             PlanValue{link.op == Operator::logical_or};
        if (decided) return {link.op == Operator::logical_or};
        const PlanValue right = evaluate(*link.operand);
        result = at(link.operand->range, [&]() -> PlanValue { return {truth_of(right)}; });
      } else {
        const PlanValue right = evaluate(*link.operand);
        result = at(link.place, [&] { return apply(link.op, result, right); });
      }
    }
    return result;
  }

  PlanValue value(const terms::Choice& choice, const Term&) {
    const PlanValue condition = evaluate(*choice.condition);
    const PlanValue holds = at(choice.condition->range, [&]() -> PlanValue { return {truth_of(condition)}; });
    return evaluate(holds == PlanValue{true} ? *choice.when_true : *choice.when_false);
  }

  PlanValue value(const terms::Call& call, const Term& term) {
    std::vector<PlanValue> arguments;
    for (const terms::Argument& argument : call.arguments) {
      if (!argument.keyword.empty()) text_.fail(argument.keyword_range, "arguments have no names here");
      arguments.push_back(evaluate(*argument.value));
    }
    return at(term.range, [&] {
      if (std::optional<PlanValue> own = scope_.call(call.function, arguments)) return *std::move(own);
      if (const ValueFunction* function = find_value_function(call.function)) return function->apply(arguments);
      std::vector<std::string> known;
      for (const ValueFunction& function : value_functions()) known.emplace_back(function.name);
      std::vector<std::string> notes = did_you_mean(call.function, known);
      notes.push_back(fmt::format("functions: {}", fmt::join(known, ", ")));
      text_.fail(call.function_range, fmt::format("unknown function '{}'", call.function), std::move(notes));
    });
  }

  std::int64_t integer(const Term& term) {
    const PlanValue found = evaluate(term);
    if (found.integer() == nullptr) text_.fail(term.range, fmt::format("an integer is needed, not {}", describe(found)));
    return *found.integer();
  }

  const FormulaText& text_;
  const ValueScope& scope_;
};

// Collects names; every kind of term says what is below it.
class NameCollector {
 public:
  explicit NameCollector(std::set<std::string, std::less<>>& into) : into_(into) {}

  void visit(const TermPtr& term) {
    if (term != nullptr) std::visit([this](const auto& kind) { take(kind); }, term->kind);
  }

 private:
  void take(const terms::Number&) {}
  void take(const terms::Boolean&) {}
  void take(const terms::Text&) {}
  void take(const terms::Name& name) { into_.insert(name.name); }
  void take(const terms::Range& range) { visit(range.first), visit(range.last), visit(range.step); }
  void take(const terms::List& list) { std::ranges::for_each(list.items, [this](const TermPtr& item) { visit(item); }); }
  void take(const terms::Call& call) {
    if (find_value_function(call.function) == nullptr) into_.insert(call.function);
    for (const terms::Argument& argument : call.arguments) visit(argument.value);
  }
  void take(const terms::Part& part) {
    visit(part.base);
    for (const terms::Component& component : part.components)
      visit(component.index), visit(component.start), visit(component.stop), visit(component.step);
  }
  void take(const terms::Member& member) { visit(member.base); }
  void take(const terms::Unary& unary) { visit(unary.operand); }
  void take(const terms::Chain& chain) {
    visit(chain.first);
    for (const terms::Chain::Link& link : chain.links) visit(link.operand);
  }
  void take(const terms::Choice& choice) { visit(choice.condition), visit(choice.when_true), visit(choice.when_false); }

  std::set<std::string, std::less<>>& into_;
};

}  // namespace

std::optional<PlanValue> ValueScope::call(std::string_view, const std::vector<PlanValue>&) const {
  return std::nullopt;
}

PlanValue evaluate(const Formula& formula, const ValueScope& scope) {
  return Evaluator(formula.text, scope).evaluate(*formula.root);
}

std::set<std::string, std::less<>> names_in(const Formula& formula) {
  std::set<std::string, std::less<>> names;
  NameCollector(names).visit(formula.root);
  return names;
}

}  // namespace brainsurgery
