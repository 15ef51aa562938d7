// A walk over a formula that looks names and functions up.
#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "lowering/functions.h"
#include "lowering/lower_formula.h"

namespace brainsurgery {
namespace {

using Kind = FunctionParameter::Kind;

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DTypeInfo& row : all_dtypes()) {
    if (row.computes) names.push_back(to_string(row.dtype));
  }
  return names;
}

class Checker {
 public:
  Checker(const FormulaText& text, const std::vector<std::string>& names, const FormulaFunctions& functions)
      : text_(text), names_(names), functions_(functions) {}

  FormulaFacts run(const Term& root) {
    check(root);
    if (const auto* call = std::get_if<terms::Call>(&root.kind)) {
      const Function& function = *functions_.bind_call(*call, text_).function;
      facts_.casts = function.converts || function.dtype.has_value();
    }
    return facts_;
  }

 private:
  void check(const Term& term) {
    std::visit([&](const auto& kind) { visit(kind, term); }, term.kind);
  }

  void visit(const terms::Number& number, const Term&) { facts_.integers = facts_.integers && number.integer; }
  void visit(const terms::Boolean&, const Term&) {}
  void visit(const terms::Name& name, const Term& term) {
    if (std::ranges::find(names_, name.name) != names_.end()) return;
    std::vector<std::string> known = names_;
    for (const char* word : {"true", "false", "inf", "nan"}) known.emplace_back(word);
    std::vector<std::string> notes = did_you_mean(name.name, known);
    notes.push_back(fmt::format("names: {}", fmt::join(names_, ", ")));
    text_.fail(term.range, fmt::format("unknown name '{}'", name.name), std::move(notes));
  }
  void visit(const terms::Text&, const Term& term) { text_.fail(term.range, "a formula over tensors has no strings"); }
  void visit(const terms::Range&, const Term& term) { text_.fail(term.range, "a formula over tensors has no ranges"); }
  void visit(const terms::List&, const Term& term) {
    text_.fail(term.range, "a list can only be the argument of a function");
  }
  void visit(const terms::Member& member, const Term&) {
    check(*member.base);
    if (member.name != "T")
      text_.fail(member.name_range, fmt::format("unknown property '{}'", member.name), {"a tensor has .T"});
  }
  void visit(const terms::Part& part, const Term&) {
    check(*part.base);
    for (const terms::Component& component : part.components) {
      for (const TermPtr& index : {component.index, component.start, component.stop, component.step}) {
        if (index != nullptr && !constant_integer(*index)) text_.fail(index->range, "an integer is needed here");
      }
    }
  }
  void visit(const terms::Unary& unary, const Term&) { check(*unary.operand); }
  void visit(const terms::Chain& chain, const Term&) {
    check(*chain.first);
    for (const terms::Chain::Link& link : chain.links) {
      check(*link.operand);
      if (link.op == Operator::in || link.op == Operator::not_in)
        text_.fail(link.place, "a formula over tensors has no 'in'");
      const std::optional<std::int64_t> exponent = constant_integer(*link.operand);
      const bool is_product = link.op == Operator::power && exponent && *exponent >= 0;
      facts_.integers = facts_.integers && (is_product || functions_.row_of(link.op).function->integers);
    }
  }
  void visit(const terms::Choice& choice, const Term&) {
    check(*choice.condition);
    check(*choice.when_true);
    check(*choice.when_false);
  }

  void visit(const terms::Call& call, const Term&) {
    const BoundCall bound = functions_.bind_call(call, text_);
    for (std::size_t i = 0; i < bound.arguments.size(); ++i) {
      if (bound.arguments[i] != nullptr) check_argument(bound.function->parameters[i], *bound.arguments[i]);
    }
    facts_.integers = facts_.integers && bound.function->integers;
    if (bound.function->dtype) convert(*bound.function->dtype);
  }

  void convert(DType dtype) {
    facts_.integers = facts_.integers && !is_floating(dtype);
    facts_.float64 = facts_.float64 || dtype == DType::F64;
  }

  void check_argument(const FunctionParameter& parameter, const Term& term) {
    const auto* list = std::get_if<terms::List>(&term.kind);
    const auto is_integer = [](const Term& item) { return constant_integer(item).has_value(); };
    const auto are_integers = [&] {
      return list != nullptr &&
             std::ranges::all_of(list->items, [&](const TermPtr& item) { return is_integer(*item); });
    };
    const auto need = [&](bool holds, const char* what) {
      if (!holds) text_.fail(term.range, fmt::format("argument '{}' must be {}", parameter.name, what));
    };
    switch (parameter.kind) {
      case Kind::tensor:
        return check(term);
      case Kind::tensors:
        need(list != nullptr, "a list of tensors, as in [a, b]");
        for (const TermPtr& item : list->items) check(*item);
        return;
      case Kind::integer:
        return need(is_integer(term), "an integer");
      case Kind::integers:
        return need(are_integers(), "a list of integers, as in [2, -1]");
      case Kind::dims:
        return need(is_integer(term) || are_integers(), "an integer or a list of integers");
      case Kind::number: {
        const std::optional<double> number = constant_number(term);
        need(number.has_value(), "a number");
        return need(*number == *number, "a number, not nan");
      }
      case Kind::numbers:
        need(
            list != nullptr && std::ranges::all_of(
                                   list->items, [](const TermPtr& item) { return constant_number(*item).has_value(); }),
            "a list of numbers, as in [0.5, -1]");
        facts_.integers = facts_.integers && are_integers();
        return;
      case Kind::flag:
        return need(std::holds_alternative<terms::Boolean>(term.kind), "true or false");
      case Kind::dtype:
        return check_dtype(term);
    }
  }

  void check_dtype(const Term& term) {
    const auto* name = std::get_if<terms::Name>(&term.kind);
    const std::optional<DType> dtype = name == nullptr ? std::nullopt : dtype_from_plan(name->name);
    if (dtype) return convert(*dtype);
    std::vector<std::string> notes =
        name == nullptr ? std::vector<std::string>() : did_you_mean(name->name, dtype_names());
    notes.push_back(fmt::format("dtypes: {}", fmt::join(dtype_names(), ", ")));
    text_.fail(term.range, "the name of a dtype is needed here", std::move(notes));
  }

  const FormulaText& text_;
  const std::vector<std::string>& names_;
  const FormulaFunctions& functions_;
  FormulaFacts facts_;
};

}  // namespace

FormulaFacts check_formula(const Formula& formula, const std::vector<std::string>& names,
                           const FormulaFunctions& functions) {
  return Checker(formula.text, names, functions).run(*formula.root);
}

}  // namespace brainsurgery
