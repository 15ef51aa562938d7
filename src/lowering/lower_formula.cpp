#include "lowering/lower_formula.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "lowering/functions.h"
#include "lowering/shape_functions.h"

namespace brainsurgery {
namespace {

using Kind = FunctionParameter::Kind;
using Values = std::map<std::string, Expr, std::less<>>;

Slice slice_of(const terms::Part& part, const FormulaText& text) {
  Slice slice;
  slice.text = text.text.substr(part.brackets.begin, part.brackets.end - part.brackets.begin);
  for (const terms::Component& component : part.components) {
    SliceItem item;
    const auto bound = [](const TermPtr& term) { return term == nullptr ? std::nullopt : constant_integer(*term); };
    switch (component.kind) {
      case terms::Component::Kind::ellipsis:
        item.kind = SliceItem::Kind::ellipsis;
        break;
      case terms::Component::Kind::index:
        item.kind = SliceItem::Kind::index;
        item.index = *bound(component.index);
        break;
      case terms::Component::Kind::range:
        item.start = bound(component.start);
        item.stop = bound(component.stop);
        item.step = bound(component.step).value_or(1);
        break;
    }
    slice.items.push_back(item);
  }
  const auto dots = [](const SliceItem& item) { return item.kind == SliceItem::Kind::ellipsis; };
  if (std::ranges::count_if(slice.items, dots) > 1) text.fail(part.brackets, "'...' may occur only once");
  for (const SliceItem& item : slice.items) {
    if (item.step < 1) text.fail(part.brackets, "the step of a slice must be at least 1");
  }
  return slice;
}

// One walk over one formula.
class Walk {
 public:
  Walk(const FormulaText& text, Typing& typing, const Values& values, const FormulaFunctions& functions,
       const FormulaLowering::Warn& warn)
      : text_(text), typing_(typing), values_(values), functions_(functions), warn_(warn) {}

  [[nodiscard]] Expr lower(const Term& term) {
    return std::visit([&](const auto& kind) { return lower(kind, term); }, term.kind);
  }

 private:
  // What is refused below is refused at this part of the formula.
  template <typename Make>
  Expr at(const TextRange& place, const Make& make) const {
    try {
      return make();
    } catch (const Error& error) {
      const bool placed = error.diagnostics().front().span.known();
      if (placed || error.code() == ErrorCode::internal) throw;
      text_.fail(place, error.what(), error.diagnostics().front().notes);
    }
  }

  Expr lower(const terms::Number& number, const Term& term) {
    return at(term.range, [&] { return typing_.number(number); });
  }
  Expr lower(const terms::Boolean& boolean, const Term&) { return boolean_literal(boolean.value); }
  Expr lower(const terms::Name& name, const Term&) {
    const auto found = values_.find(name.name);
    BS_CHECK(found != values_.end());
    return found->second;
  }
  Expr lower(const terms::Text&, const Term&) { fail_check("a string in a formula over tensors", __FILE__, __LINE__); }
  Expr lower(const terms::Range&, const Term&) { fail_check("a range in a formula over tensors", __FILE__, __LINE__); }
  Expr lower(const terms::List&, const Term&) { fail_check("a list outside of arguments", __FILE__, __LINE__); }
  Expr lower(const terms::Member& member, const Term&) {
    const Expr base = lower(*member.base);
    return at(member.name_range, [&] { return transposed(base); });
  }
  Expr lower(const terms::Part& part, const Term&) {
    const Expr base = lower(*part.base);
    const Slice wanted = slice_of(part, text_);
    return at(part.brackets, [&] {
      Region region = select(wanted, base.shape());
      warn_of_clipping(part.brackets, wanted, region, base.shape());
      return slice(base, std::move(region));
    });
  }

  void warn_of_clipping(const TextRange& place, const Slice& slice, const Region& region, const Shape& shape) const {
    const std::optional<std::size_t> dimension = warn_ ? clipped_dimension(slice, shape) : std::nullopt;
    if (!dimension) return;
    const bool is_outside = region.axes[*dimension].count == 0;
    warn_(text_.span(place),
          fmt::format("{}: slice '{}' {}: dimension {} has size {}", text_.field, slice.text,
                      is_outside ? "selects nothing" : "is cut off", *dimension, shape[*dimension]));
  }

  Expr lower(const terms::Unary& unary, const Term& term) {
    // The number -5 is one literal: 128 does not fit int8 where -128 does.
    const bool negates = unary.op == Operator::negate;
    const std::optional<double> number = negates ? constant_number(term) : std::nullopt;
    if (number) return at(term.range, [&] { return typing_.number(terms::Number{*number, constant_integer(term)}); });
    const Expr operand = lower(*unary.operand);
    const TextRange place{term.range.begin, term.range.begin + spelling(unary.op).size()};
    return at(place, [&] { return functions_.row_of(unary.op).function->apply(typing_, {operand}); });
  }

  Expr lower(const terms::Chain& chain, const Term&) {
    Expr result = lower(*chain.first);
    for (const terms::Chain::Link& link : chain.links) {
      const std::optional<std::int64_t> exponent =
          link.op == Operator::power ? constant_integer(*link.operand) : std::nullopt;
      if (exponent && is_product(*exponent)) {
        result = at(link.place, [&] { return product_of(typing_.number(result), *exponent); });
      } else {
        const Expr operand = lower(*link.operand);
        result = at(link.place, [&] { return joined(link.op, result, operand); });
      }
    }
    return result;
  }

  // Whole powers are exact products of integers, and squares of anything.
  [[nodiscard]] bool is_product(std::int64_t exponent) const {
    return exponent >= 0 && (is_integer(typing_.computing()) || exponent <= 2);
  }
  Expr product_of(const Expr& base, std::int64_t exponent) {
    if (exponent > 0) return power(base, exponent);
    return broadcast(typing_.number(terms::Number{1, 1}), base.shape());
  }

  Expr joined(Operator op, const Expr& a, const Expr& b) {
    if (op == Operator::multiply) return product(typing_.number(a), typing_.number(b));
    const OperatorRow& row = functions_.row_of(op);
    Expr result =
        row.function->apply(typing_, row.swapped ? std::vector<ArgumentValue>{b, a} : std::vector<ArgumentValue>{a, b});
    return row.negated ? functions_.row_of(Operator::logical_not).function->apply(typing_, {std::move(result)}) : result;
  }

  Expr lower(const terms::Choice& choice, const Term& term) {
    static const Operation& selection = operation("where");
    const Expr condition = lower(*choice.condition);
    Expr yes = lower(*choice.when_true), no = lower(*choice.when_false);
    return at(term.range, [&] {
      if (condition.dtype() != DType::BOOL) {
        text_.fail(choice.condition->range,
                   fmt::format("a condition is needed, such as x > 0, not {}", to_string(condition.dtype())));
      }
      if (yes.dtype() != DType::BOOL || no.dtype() != DType::BOOL) yes = typing_.number(yes), no = typing_.number(no);
      return map(selection, {condition, yes, no});
    });
  }

  Expr lower(const terms::Call& call, const Term&) {
    const BoundCall bound = functions_.bind_call(call, text_);
    std::vector<ArgumentValue> arguments;
    for (std::size_t i = 0; i < bound.arguments.size(); ++i) {
      const Term* term = bound.arguments[i];
      arguments.push_back(term == nullptr ? ArgumentValue() : value_of(bound.function->parameters[i], *term));
    }
    return at(call.function_range, [&] { return bound.function->apply(typing_, std::move(arguments)); });
  }

  // The kinds were checked.
  ArgumentValue value_of(const FunctionParameter& parameter, const Term& term) {
    switch (parameter.kind) {
      case Kind::tensor: {
        const std::optional<std::int64_t> whole = parameter.exact ? constant_integer(term) : std::nullopt;
        return whole ? at(term.range, [&] { return typing_.integer(*whole); }) : lower(term);
      }
      case Kind::tensors: {
        std::vector<Expr> parts;
        for (const TermPtr& item : std::get<terms::List>(term.kind).items) parts.push_back(lower(*item));
        return parts;
      }
      case Kind::integer:
        return *constant_integer(term);
      case Kind::integers:
      case Kind::dims: {
        std::vector<std::int64_t> integers;
        if (const auto* list = std::get_if<terms::List>(&term.kind)) {
          for (const TermPtr& item : list->items) integers.push_back(*constant_integer(*item));
        } else {
          integers.push_back(*constant_integer(term));
        }
        return integers;
      }
      case Kind::number:
        return *constant_number(term);
      case Kind::numbers: {
        std::vector<terms::Number> numbers;
        for (const TermPtr& item : std::get<terms::List>(term.kind).items)
          numbers.push_back({*constant_number(*item), constant_integer(*item)});
        return numbers;
      }
      case Kind::flag:
        return std::get<terms::Boolean>(term.kind).value;
      case Kind::dtype:
        return *dtype_from_plan(std::get<terms::Name>(term.kind).name);
    }
    return {};
  }

  const FormulaText& text_;
  Typing& typing_;
  const Values& values_;
  const FormulaFunctions& functions_;
  const FormulaLowering::Warn& warn_;
};

}  // namespace

Expr FormulaLowering::value(const Formula& formula) {
  return Walk(formula.text, typing_, values_, functions_, warn_).lower(*formula.root);
}

}  // namespace brainsurgery
