// The functions of formulas: every row of the tables of operations and reducers, those that change shapes, and the
// dtypes. None of them is known by name outside of this table.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "brainsurgery/expr.h"
#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"
#include "brainsurgery/row_table.h"
#include "formula/formula.h"
#include "lowering/typing.h"

namespace brainsurgery {

struct FunctionParameter {
  enum class Kind : std::uint8_t {
    tensor,
    tensors,   // a list of them
    integer,   // as are the following, written as a constant
    integers,  // a list of them
    dims,      // an integer or a list of integers
    number,
    numbers,  // a list of them
    flag,
    dtype,
  };
  std::string_view name;
  Kind kind = Kind::tensor;
  bool required = true;
  bool by_name_only = false;
  bool exact = false;  // a whole number of the formula is not rounded to the computing dtype before
};

// An argument with its value. monostate: not given.
using ArgumentValue = std::variant<std::monostate, Expr, std::vector<Expr>, std::int64_t, std::vector<std::int64_t>,
                                   double, std::vector<terms::Number>, bool, DType>;

struct Function {
  std::string name;
  std::vector<FunctionParameter> parameters;
  // `arguments`: one for each parameter. Throws Error(plan).
  std::function<Expr(Typing& typing, std::vector<ArgumentValue> arguments)> apply;
  bool integers = true;             // gives integers, exactly, of integers
  bool one_of_optional = false;     // at least one of the parameters that are not required is given
  std::optional<DType> dtype = {};  // of the result, whatever the operands are
  bool converts = false;            // the result's dtype is an argument
};

// The arguments of a call in the order of the function's parameters; nullptr: not given.
struct BoundCall {
  const Function* function;
  std::vector<const Term*> arguments;
};

// The row that an operator stands for.
struct OperatorRow {
  const Function* function = nullptr;  // of two operands, or of one
  bool swapped = false;      // a > b is less(b, a)
  bool negated = false;      // a != b is not equal(a, b)
};

// Every function that formulas may call, by name. Immutable; may be used from several threads.
class FormulaFunctions {
 public:
  FormulaFunctions(const OperationTable& operations, const ReducerTable& reducers);
  FormulaFunctions(const FormulaFunctions&) = delete;
  FormulaFunctions& operator=(const FormulaFunctions&) = delete;

  // Throws Error(plan) at the mistake: an unknown function, too many arguments or too few, an unknown keyword.
  [[nodiscard]] BoundCall bind_call(const terms::Call& call, const FormulaText& text) const;
  // Negation of numbers and whole constant powers have rules of their own.
  [[nodiscard]] const OperatorRow& row_of(Operator op) const { return operators_[static_cast<std::size_t>(op)]; }

 private:
  [[nodiscard]] const Function* find(std::string_view name, std::size_t by_position) const;
  [[noreturn]] void fail_unknown(const terms::Call& call, const FormulaText& text) const;

  std::vector<Function> functions_;
  std::array<OperatorRow, static_cast<std::size_t>(Operator::power) + 1> operators_ = {};
};

// "clamp(x, min=, max=)"
[[nodiscard]] std::string signature(const Function& function);

}  // namespace brainsurgery
