// Random formulas, performed in many configurations, against an interpreter that takes one element at a time.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <variant>

#include "differential/configurations.h"
#include "lowering/lower_formula.h"
#include "support/formulas.h"

namespace brainsurgery::testing {
namespace {

// Double arithmetic of the language, as IEEE 754 and docs/arithmetic.md say it.
class Interpreter {
 public:
  Interpreter(double x, double y) : x_(x), y_(y) {}

  [[nodiscard]] double number(const TermPtr& term) const { return std::get<double>(value(*term)); }
  [[nodiscard]] bool truth(const TermPtr& term) const { return std::get<bool>(value(*term)); }

 private:
  using Value = std::variant<double, bool>;

  [[nodiscard]] Value value(const Term& term) const {
    return std::visit([&](const auto& kind) { return of(kind); }, term.kind);
  }
  [[nodiscard]] Value of(const terms::Number& number) const { return number.value; }
  [[nodiscard]] Value of(const terms::Boolean& boolean) const { return boolean.value; }
  [[nodiscard]] Value of(const terms::Name& name) const { return name.name == "x" ? x_ : y_; }
  [[nodiscard]] Value of(const terms::Unary& unary) const {
    if (unary.op == Operator::negate) return -number(unary.operand);
    return !truth(unary.operand);
  }
  [[nodiscard]] Value of(const terms::Choice& choice) const {
    return truth(choice.condition) ? number(choice.when_true) : number(choice.when_false);
  }
  [[nodiscard]] Value of(const terms::Chain& chain) const {
    Value result = value(*chain.first);
    for (const terms::Chain::Link& link : chain.links) result = joined(link.op, result, value(*link.operand));
    return result;
  }
  [[nodiscard]] static Value joined(Operator op, const Value& left, const Value& right) {
    if (op == Operator::logical_and) return std::get<bool>(left) && std::get<bool>(right);
    if (op == Operator::logical_or) return std::get<bool>(left) || std::get<bool>(right);
    const double a = std::get<double>(left), b = std::get<double>(right);
    switch (op) {
      case Operator::add:
        return a + b;
      case Operator::subtract:
        return a - b;
      case Operator::multiply:
        return a * b;
      case Operator::divide:
        return a / b;
      case Operator::less:
        return a < b;
      case Operator::less_equal:
        return a <= b;
      case Operator::greater:
        return a > b;
      case Operator::greater_equal:
        return a >= b;
      case Operator::equal:
        return a == b;
      case Operator::unequal:
        return a != b;
      default:
        BS_CHECK(op == Operator::power);
        return b == 2 ? a * a : power(a, b);
    }
  }
  // Of the table's row: that of the C library may differ in its last bit.
  [[nodiscard]] static double power(double a, double b) {
    const std::array<const void*, 2> operands{&a, &b};
    const std::array dtypes{DType::F64, DType::F64};
    double result = 0;
    operation("pow").run({operands, dtypes, {}, DType::F64, &result, 1});
    return result;
  }
  [[nodiscard]] Value of(const terms::Call& call) const {
    const double a = number(call.arguments.front().value);
    if (call.function == "is_nan") return std::isnan(a);
    if (call.function == "is_finite") return std::isfinite(a);
    if (call.function == "abs") return std::abs(a);
    if (call.function == "sqrt") return std::sqrt(a);
    if (call.function == "floor") return std::floor(a);
    if (call.function == "ceil") return std::ceil(a);
    const double b = number(call.arguments.back().value);
    if (std::isnan(a) || std::isnan(b)) return std::nan("");
    const bool first_is_less = a < b || (a == b && std::signbit(a));
    return first_is_less == (call.function == "minimum") ? a : b;
  }
  template <typename Other>
  [[nodiscard]] Value of(const Other&) const {
    fail_check("no part of random numbers and conditions", __FILE__, __LINE__);
  }

  double x_, y_;
};

Expr doubles(const std::vector<double>& values, Shape shape) {
  std::vector<std::byte> bytes(values.size() * sizeof(double));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return literal({DType::F64, std::move(shape)}, std::move(bytes));
}

TEST(Formulas, EqualAnInterpreter) {
  const std::vector<double> xs{0.5, -1.25, 3, -0.0, 1e300, std::nan(""), -INFINITY, 7, 2, 1e-310, -4, 0.1};
  const std::vector<double> ys{2, -0.75, 0, 1e10};
  Evaluator evaluator;
  const FormulaFunctions functions({}, {});
  const std::vector<Configuration> configurations = all_configurations();
  const auto first = static_cast<std::uint64_t>(setting("BS_SEED", 1));
  const std::uint64_t last = first + static_cast<std::uint64_t>(setting("BS_GRAPHS", 3000));
  for (std::uint64_t seed = first; seed < last; ++seed) {
    const bool asks = seed % 4 == 0;
    const int depth = static_cast<int>(seed % 5);
    RandomFormula random(seed);
    const std::string text = FormulaPrinter::print(asks ? *random.condition(depth) : *random.number(depth));
    const Formula formula = parse_formula({text, "formula"});
    static_cast<void>(check_formula(formula, {"x", "y"}, functions));
    FormulaLowering lowering(DType::F64, functions);
    lowering.set("x", doubles(xs, {3, 4}));
    lowering.set("y", doubles(ys, {4}));
    const Expr result = lowering.value(formula);
    ASSERT_EQ(result.dtype(), asks ? DType::BOOL : DType::F64) << text;
    const std::vector<std::byte> bytes = evaluator.executor(configurations[seed % configurations.size()])
                                             .evaluate(cast(broadcast(result, {3, 4}), DType::F64));
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const Interpreter interpreter(xs[i], ys[i % 4]);
      const double wanted = asks ? (interpreter.truth(formula.root) ? 1.0 : 0.0) : interpreter.number(formula.root);
      double got = 0;
      std::memcpy(&got, bytes.data() + i * sizeof(double), sizeof(double));
      const bool same =
          std::isnan(wanted) ? std::isnan(got) : got == wanted && std::signbit(got) == std::signbit(wanted);
      ASSERT_TRUE(same) << text << " of x = " << xs[i] << ", y = " << ys[i % 4] << " gives " << got << ", not "
                        << wanted << "; seed " << seed;
    }
  }
}

}  // namespace
}  // namespace brainsurgery::testing
