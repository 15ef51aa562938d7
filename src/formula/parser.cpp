// Recursive descent over the grammar of formula.h, one function a rule.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "formula/lexer.h"

namespace brainsurgery {
namespace {

struct BinaryOperator {
  std::string_view symbol;
  Operator op;
};
// A level of the grammar: its operators, from left to right.
using Level = std::vector<BinaryOperator>;

const std::vector<Level>& levels() {
  static const std::vector<Level> table{
      {{"or", Operator::logical_or}},
      {{"and", Operator::logical_and}},
      {{"<=", Operator::less_equal},
       {">=", Operator::greater_equal},
       {"<", Operator::less},
       {">", Operator::greater},
       {"==", Operator::equal},
       {"!=", Operator::unequal},
       {"in", Operator::in}},
      {{"+", Operator::add}, {"-", Operator::subtract}},
      {{"*", Operator::multiply},
       {"/", Operator::divide},
       {"//", Operator::floor_divide},
       {"%", Operator::remainder},
       {"@", Operator::matmul}},
  };
  return table;
}
constexpr std::size_t kComparisons = 2;

int depth_of(const TermPtr& term) { return term == nullptr ? 0 : term->depth; }
int depth_of(const terms::Argument& argument) { return depth_of(argument.value); }
int depth_of(const terms::Chain::Link& link) { return depth_of(link.operand); }
int depth_of(const terms::Component& component) {
  return std::max(
      {depth_of(component.index), depth_of(component.start), depth_of(component.stop), depth_of(component.step)});
}
template <typename Each>
int depth_of(const std::vector<Each>& parts) {
  int depth = 0;
  for (const Each& part : parts) depth = std::max(depth, depth_of(part));
  return depth;
}
// The text of a string without its quotes.
std::string unquoted(std::string_view written) {
  const char quote = written.front();
  written = written.substr(1, written.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\\' && i + 1 < written.size() && written[i + 1] == quote) ++i;
    text += written[i];
  }
  return text;
}

// The levels below a term of this kind.
template <typename Kind>
int depth_below(const Kind& kind) {
  int depth = 0;
  const auto take = [&depth](const auto& part) { depth = std::max(depth, depth_of(part)); };
  if constexpr (requires { kind.items; }) take(kind.items);
  if constexpr (requires { kind.arguments; }) take(kind.arguments);
  if constexpr (requires { kind.base; }) take(kind.base);
  if constexpr (requires { kind.components; }) take(kind.components);
  if constexpr (requires { kind.operand; }) take(kind.operand);
  if constexpr (requires { kind.links; }) take(kind.first), take(kind.links);
  if constexpr (requires { kind.last; }) take(kind.first), take(kind.last), take(kind.step);
  if constexpr (requires { kind.condition; }) take(kind.condition), take(kind.when_true), take(kind.when_false);
  return depth;
}

class Parser {
 public:
  explicit Parser(const FormulaText& text) : text_(text), tokens_(tokens_of(text)) {}

  TermPtr run() {
    if (at_end()) text_.fail(token().range, "the formula is empty");
    TermPtr root = choice();
    if (!at_end()) unexpected("an operator or the end of the formula");
    return root;
  }

 private:
  // Counts how deep the rules are nested, for as long as it lives.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser.depth_ > kMaxFormulaDepth) parser.too_deep(parser.token().range);
    }
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  [[nodiscard]] const Token& token() const { return tokens_[at_]; }
  [[nodiscard]] bool at_end() const { return token().kind == Token::Kind::end; }
  // Takes the token if it is this symbol or word.
  bool accept(std::string_view text) {
    if (!token().is(text)) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] std::size_t previous_end() const { return tokens_[at_ - 1].range.end; }

  [[noreturn]] void unexpected(std::string_view expected) const {
    std::vector<std::string> notes;
    if (token().is("=")) notes = {"'==' compares"};
    if (token().is("{") || token().is("}")) notes = {"a formula has no braces; a plan's value is written ${...}"};
    const std::string found = at_end() ? "the formula ends" : fmt::format("unexpected '{}'", token().text);
    text_.fail(token().range, fmt::format("{} where {} is expected", found, expected), std::move(notes));
  }

  [[noreturn]] void too_deep(const TextRange& place) const {
    text_.fail(place, fmt::format("the formula is nested more than {} levels deep", kMaxFormulaDepth));
  }

  // The closing bracket of one that was opened.
  void close(std::string_view symbol, const TextRange& open, bool of_list = true) {
    if (accept(symbol)) return;
    if (at_end()) text_.fail(open, fmt::format("this bracket is not closed by '{}'", symbol));
    unexpected(of_list ? fmt::format("',' or '{}'", symbol) : fmt::format("an operator or '{}'", symbol));
  }

  template <typename Kind>
  [[nodiscard]] TermPtr make(std::size_t begin, Kind kind) const {
    const TextRange range{begin, previous_end()};
    const int depth = 1 + depth_below(kind);
    if (depth > kMaxFormulaDepth) too_deep({begin, begin + 1});
    return std::make_shared<const Term>(Term{range, depth, std::move(kind)});
  }

  TermPtr choice() {
    const Nesting nesting(*this);
    const std::size_t begin = token().range.begin;
    TermPtr value = chain(0);
    if (!accept("if")) return value;
    TermPtr condition = chain(0);
    if (!accept("else")) unexpected("'else'");
    TermPtr other = choice();
    return make(begin, terms::Choice{std::move(condition), std::move(value), std::move(other)});
  }

  TermPtr chain(std::size_t level) {
    if (level == levels().size()) return unary();
    const std::size_t begin = token().range.begin;
    if (level == kComparisons && accept("not")) {
      const Nesting nesting(*this);
      return make(begin, terms::Unary{Operator::logical_not, chain(kComparisons)});
    }
    TermPtr first = chain(level + 1);
    std::vector<terms::Chain::Link> links;
    for (;;) {
      const bool negated = level == kComparisons && token().is("not") && tokens_[at_ + 1].is("in");
      const Token& symbol = tokens_[at_ + (negated ? 1 : 0)];
      const auto found = std::ranges::find_if(
          levels()[level], [&symbol](const BinaryOperator& candidate) { return symbol.is(candidate.symbol); });
      if (found == levels()[level].end()) break;
      const TextRange place{token().range.begin, symbol.range.end};
      if (level == kComparisons && !links.empty())
        text_.fail(place, "comparisons cannot be chained", {"write a < b and b < c"});
      at_ += negated ? 2 : 1;
      TermPtr operand = chain(level + 1);
      links.push_back({negated ? Operator::not_in : found->op, place, std::move(operand)});
    }
    if (links.empty()) return first;
    return make(begin, terms::Chain{std::move(first), std::move(links)});
  }

  TermPtr unary() {
    const std::size_t begin = token().range.begin;
    if (accept("-")) {
      const Nesting nesting(*this);
      TermPtr operand = unary();
      return make(begin, terms::Unary{Operator::negate, std::move(operand)});
    }
    TermPtr base = postfix();
    const TextRange place = token().range;
    if (!accept("**")) return base;
    const Nesting nesting(*this);
    TermPtr exponent = unary();
    return make(begin, terms::Chain{std::move(base), {{Operator::power, place, std::move(exponent)}}});
  }

  TermPtr postfix() {
    const std::size_t begin = token().range.begin;
    TermPtr base = value();
    for (;;) {
      const TextRange open = token().range;
      if (accept(".")) {
        if (token().kind != Token::Kind::name) unexpected("a name");
        terms::Member member{std::move(base), std::string(token().text), token().range};
        ++at_;
        base = make(begin, std::move(member));
      } else if (accept("[")) {
        std::vector<terms::Component> components;
        do components.push_back(component());
        while (accept(","));
        close("]", open);
        base = make(begin, terms::Part{std::move(base), std::move(components), {open.begin, previous_end()}});
      } else {
        return base;
      }
    }
  }

  terms::Component component() {
    terms::Component result;
    if (accept("...")) {
      result.kind = terms::Component::Kind::ellipsis;
      return result;
    }
    const auto bound = [this]() { return token().is(":") || token().is(",") || token().is("]") ? nullptr : choice(); };
    if (!token().is(":")) {
      TermPtr first = choice();
      if (!token().is(":")) {
        result.kind = terms::Component::Kind::index;
        result.index = std::move(first);
        return result;
      }
      result.start = std::move(first);
    }
    static_cast<void>(accept(":"));
    result.stop = bound();
    if (accept(":")) result.step = bound();
    return result;
  }

  TermPtr value() {
    const Token first = token();
    switch (first.kind) {
      case Token::Kind::number:
        ++at_;
        return make(first.range.begin, first.number);
      case Token::Kind::string:
        ++at_;
        return make(first.range.begin, terms::Text{unquoted(first.text)});
      case Token::Kind::name:
        ++at_;
        if (token().is("(")) return call(first);
        return make(first.range.begin, terms::Name{std::string(first.text)});
      default:
        break;
    }
    if (accept("true")) return make(first.range.begin, terms::Boolean{true});
    if (accept("false")) return make(first.range.begin, terms::Boolean{false});
    if (accept("(")) {
      TermPtr inner = choice();
      close(")", first.range, false);
      return inner;
    }
    if (accept("[")) {
      terms::List list;
      while (!token().is("]")) {
        list.items.push_back(item());
        if (!accept(",")) break;
      }
      close("]", first.range);
      return make(first.range.begin, std::move(list));
    }
    unexpected("a value");
  }

  TermPtr item() {
    const std::size_t begin = token().range.begin;
    TermPtr first = choice();
    if (!accept("..")) return first;
    terms::Range range{std::move(first), choice(), nullptr};
    if (accept("..")) range.step = choice();
    return make(begin, std::move(range));
  }

  TermPtr call(const Token& function) {
    terms::Call result{std::string(function.text), function.range, {}};
    const TextRange open = token().range;
    ++at_;
    while (!token().is(")")) {
      terms::Argument argument;
      if (token().kind == Token::Kind::name && tokens_[at_ + 1].is("=")) {
        argument.keyword = token().text;
        argument.keyword_range = token().range;
        at_ += 2;
      }
      argument.value = choice();
      result.arguments.push_back(std::move(argument));
      if (!accept(",")) break;
    }
    close(")", open);
    return make(function.range.begin, std::move(result));
  }

  const FormulaText& text_;
  std::vector<Token> tokens_;  // ends with one that no rule takes
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Formula parse_formula(FormulaText text) {
  if (text.text.size() > kMaxFormulaBytes) {
    text.fail({0, 0}, fmt::format("the formula has {} bytes, more than {}", text.text.size(), kMaxFormulaBytes));
  }
  TermPtr root = Parser(text).run();
  return {std::move(text), std::move(root)};
}

std::optional<std::int64_t> constant_integer(const Term& term) {
  if (const auto* number = std::get_if<terms::Number>(&term.kind)) return number->integer;
  const auto* unary = std::get_if<terms::Unary>(&term.kind);
  if (unary == nullptr || unary->op != Operator::negate) return std::nullopt;
  const std::optional<std::int64_t> value = constant_integer(*unary->operand);
  if (!value || *value == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  return -*value;
}

std::optional<double> constant_number(const Term& term) {
  if (const auto* number = std::get_if<terms::Number>(&term.kind)) return number->value;
  const auto* unary = std::get_if<terms::Unary>(&term.kind);
  if (unary == nullptr || unary->op != Operator::negate) return std::nullopt;
  const std::optional<double> value = constant_number(*unary->operand);
  return value ? std::optional(-*value) : std::nullopt;
}

}  // namespace brainsurgery
