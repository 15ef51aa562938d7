// Formulas over tensors: a formula and the expressions of its names give one expression.
//
//   const FormulaFunctions functions({}, {});                               // those of the library
//   const FormulaFacts facts = check_formula(formula, {"x", "a"}, functions);    // without any tensor
//   FormulaLowering lowering(computing_dtype({x.dtype(), a.dtype()}, facts), functions);
//   lowering.set("x", x);  lowering.set("a", a);
//   Expr result = lowering.value(formula);
//
// Meaning: every tensor is converted once to the computing dtype where an operation needs its numbers; each operation
// rounds as its row says; numbers of the formula are scalars of the computing dtype, but for whole ones that operations
// of integers take or that are converted, which are exact. Comparisons give bool, and a bool beside numbers counts as 0
// and 1. Slices and functions that only arrange elements leave these as they are.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/expr.h"
#include "formula/formula.h"
#include "lowering/functions.h"
#include "lowering/typing.h"

namespace brainsurgery {

// Everything that needs no tensor: names, functions, their arguments. Throws Error(plan) at the mistake.
[[nodiscard]] FormulaFacts check_formula(const Formula& formula, const std::vector<std::string>& names,
                                         const FormulaFunctions& functions);

class FormulaLowering {
 public:
  // Told of slices that go beyond a tensor, at their places. May be empty.
  using Warn = std::function<void(const SourceSpan& place, const std::string& message)>;

  FormulaLowering(DType computing, const FormulaFunctions& functions, Warn warn = {})
      : typing_(computing), functions_(functions), warn_(std::move(warn)) {}

  void set(const std::string& name, Expr value) { values_.insert_or_assign(name, std::move(value)); }
  // Of the dtype that the outermost operation makes: the computing dtype, bool of conditions, int64 of counts and of
  // operations of integers, that of a conversion; where elements are only arranged, their own. Throws Error(plan) at
  // the part of a formula whose shapes or dtypes do not fit. The formula was checked with the names that are set.
  [[nodiscard]] Expr value(const Formula& formula);

 private:
  Typing typing_;
  const FormulaFunctions& functions_;
  Warn warn_;
  std::map<std::string, Expr, std::less<>> values_;
};

}  // namespace brainsurgery
