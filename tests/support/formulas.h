// Formulas as text, and random ones, for tests of their language and of their meaning.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "formula/formula.h"

namespace brainsurgery::testing {

// A term with as few parentheses as the grammar allows. `level`: how tightly the place binds that takes it.
class FormulaPrinter {
 public:
  static std::string print(const Term& term, int level = kChoice) {
    return std::visit([&](const auto& kind) { return FormulaPrinter().text(kind, level); }, term.kind);
  }

 private:
  static constexpr int kChoice = 0, kOr = 1, kAnd = 2, kNot = 3, kComparison = 4, kSum = 5, kProduct = 6, kUnary = 7,
                       kPower = 8, kValue = 9;

  static int level_of(Operator op) {
    switch (op) {
      case Operator::logical_or:
        return kOr;
      case Operator::logical_and:
        return kAnd;
      case Operator::logical_not:
        return kNot;
      case Operator::add:
      case Operator::subtract:
        return kSum;
      case Operator::negate:
        return kUnary;
      case Operator::power:
        return kPower;
      case Operator::less:
      case Operator::less_equal:
      case Operator::greater:
      case Operator::greater_equal:
      case Operator::equal:
      case Operator::unequal:
      case Operator::in:
      case Operator::not_in:
        return kComparison;
      default:
        return kProduct;
    }
  }
  static std::string in(const std::string& text, int own, int level) { return own < level ? "(" + text + ")" : text; }

  std::string text(const terms::Number& number, int) const {
    return number.integer ? std::to_string(*number.integer) : python_float(number.value);
  }
  std::string text(const terms::Boolean& boolean, int) const { return boolean.value ? "true" : "false"; }
  std::string text(const terms::Text& text, int) const {
    std::string result = "'";
    for (const char c : text.text) result += (c == '\'' ? "\\" : "") + std::string(1, c);
    return result + "'";
  }
  std::string text(const terms::Name& name, int) const { return name.name; }
  std::string text(const terms::Range& range, int) const {
    return print(*range.first) + ".." + print(*range.last) + (range.step == nullptr ? "" : ".." + print(*range.step));
  }
  std::string text(const terms::List& list, int) const {
    std::string items;
    for (const TermPtr& item : list.items) items += (items.empty() ? "" : ", ") + print(*item);
    return "[" + items + "]";
  }
  std::string text(const terms::Call& call, int) const {
    std::string arguments;
    for (const terms::Argument& argument : call.arguments) {
      arguments += (arguments.empty() ? "" : ", ") + (argument.keyword.empty() ? "" : argument.keyword + "=") +
                   print(*argument.value);
    }
    return call.function + "(" + arguments + ")";
  }
  std::string text(const terms::Part& part, int) const {
    std::string items;
    const auto bound = [](const TermPtr& term) { return term == nullptr ? std::string() : print(*term); };
    for (const terms::Component& component : part.components) {
      if (!items.empty()) items += ", ";
      if (component.kind == terms::Component::Kind::ellipsis) items += "...";
      if (component.kind == terms::Component::Kind::index) items += print(*component.index);
      if (component.kind == terms::Component::Kind::range) {
        items += bound(component.start) + ":" + bound(component.stop);
        if (component.step != nullptr) items += ":" + bound(component.step);
      }
    }
    return print(*part.base, kValue) + "[" + items + "]";
  }
  std::string text(const terms::Member& member, int) const {
    const bool is_number = std::holds_alternative<terms::Number>(member.base->kind);
    return in(print(*member.base, kValue), is_number ? 0 : 1, 1) + "." + member.name;
  }
  std::string text(const terms::Unary& unary, int level) const {
    const int own = level_of(unary.op);
    const std::string sign = unary.op == Operator::negate ? "-" : "not ";
    return in(sign + print(*unary.operand, own), own, level);
  }
  std::string text(const terms::Chain& chain, int level) const {
    const Operator op = chain.links.front().op;
    const int own = level_of(op);
    if (op == Operator::power)
      return in(print(*chain.first, kValue) + " ** " + print(*chain.links.front().operand, kUnary), own, level);
    std::string result = print(*chain.first, own + 1);
    for (const terms::Chain::Link& link : chain.links)
      result += " " + std::string(spelling(link.op)) + " " + print(*link.operand, own + 1);
    return in(result, own, level);
  }
  std::string text(const terms::Choice& choice, int level) const {
    return in(print(*choice.when_true, kOr) + " if " + print(*choice.condition, kOr) + " else " +
                  print(*choice.when_false, kChoice),
              kChoice, level);
  }
};

template <typename Kind>
TermPtr term_of(Kind kind) {
  return std::make_shared<const Term>(Term{{}, 1, std::move(kind)});
}

// Random terms of numbers and of conditions, over the names x and y.
class RandomFormula {
 public:
  explicit RandomFormula(std::uint64_t seed) : engine_(seed) {}

  TermPtr number(int depth) {
    if (depth == 0) return leaf();
    switch (draw(8)) {
      case 0:
        return leaf();
      case 1:
        return term_of(terms::Unary{Operator::negate, number(depth - 1)});
      case 2:
        return chain(depth, {Operator::add, Operator::subtract});
      case 3:
        return chain(depth, {Operator::multiply, Operator::divide});
      case 4:
        return term_of(terms::Chain{number(depth - 1), {{Operator::power, {}, integer(draw(4))}}});
      case 5:
        return term_of(terms::Choice{condition(depth - 1), number(depth - 1), number(depth - 1)});
      case 6:
        return call({"minimum", "maximum"}, {number(depth - 1), number(depth - 1)});
      default:
        return call({"abs", "sqrt", "floor", "ceil"}, {number(depth - 1)});
    }
  }

  TermPtr condition(int depth) {
    if (depth == 0) return comparison(0);
    switch (draw(5)) {
      case 0:
        return term_of(terms::Boolean{draw(2) == 0});
      case 1:
        return term_of(terms::Unary{Operator::logical_not, condition(depth - 1)});
      case 2: {
        const Operator op = draw(2) == 0 ? Operator::logical_and : Operator::logical_or;
        return term_of(terms::Chain{condition(depth - 1), {{op, {}, condition(depth - 1)}}});
      }
      case 3:
        return call({"is_nan", "is_finite"}, {number(depth - 1)});
      default:
        return comparison(depth - 1);
    }
  }

  // Of every kind, with or without meaning.
  TermPtr any(int depth) {
    if (depth == 0) return leaf();
    switch (draw(5)) {
      case 0:
        return term_of(terms::Member{any(depth - 1), "T", {}});
      case 1: {
        terms::Component index{terms::Component::Kind::index, any(depth - 1), nullptr, nullptr, nullptr};
        terms::Component range{terms::Component::Kind::range, nullptr, draw(2) == 0 ? nullptr : any(depth - 1), leaf(),
                               draw(2) == 0 ? nullptr : leaf()};
        terms::Component dots{terms::Component::Kind::ellipsis, nullptr, nullptr, nullptr, nullptr};
        return term_of(terms::Part{any(depth - 1), {std::move(index), std::move(dots), std::move(range)}, {}});
      }
      case 2: {
        terms::Call call{"f", {}, {{"", {}, any(depth - 1)}, {"dim", {}, any(depth - 1)}}};
        call.arguments.push_back({"list", {}, term_of(terms::List{{leaf(), any(depth - 1)}})});
        return term_of(std::move(call));
      }
      case 3:
        return term_of(terms::Chain{any(depth - 1), {{Operator::matmul, {}, any(depth - 1)}}});
      default:
        return draw(2) == 0 ? number(depth) : condition(depth);
    }
  }

 private:
  int draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(engine_); }

  static TermPtr integer(int value) { return term_of(terms::Number{static_cast<double>(value), value}); }
  TermPtr leaf() {
    switch (draw(4)) {
      case 0:
        return integer(draw(9));
      case 1:
        return term_of(terms::Number{draw(100) * 0.0625 + 0.03125, {}});
      default:
        return term_of(terms::Name{draw(2) == 0 ? "x" : "y"});
    }
  }
  TermPtr chain(int depth, const std::vector<Operator>& operators) {
    terms::Chain result{number(depth - 1), {}};
    for (int links = draw(3); links >= 0; --links)
      result.links.push_back({operators[static_cast<std::size_t>(draw(2))], {}, number(depth - 1)});
    return term_of(std::move(result));
  }
  TermPtr comparison(int depth) {
    static const std::vector<Operator> all{Operator::less,          Operator::less_equal, Operator::greater,
                                           Operator::greater_equal, Operator::equal,      Operator::unequal};
    return term_of(terms::Chain{number(depth), {{all[static_cast<std::size_t>(draw(6))], {}, number(depth)}}});
  }
  TermPtr call(const std::vector<std::string>& names, std::vector<TermPtr> operands) {
    terms::Call result{names[static_cast<std::size_t>(draw(static_cast<int>(names.size())))], {}, {}};
    for (TermPtr& operand : operands) result.arguments.push_back({"", {}, std::move(operand)});
    return term_of(std::move(result));
  }

  std::mt19937_64 engine_;
};

}  // namespace brainsurgery::testing
