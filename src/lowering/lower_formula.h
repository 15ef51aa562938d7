// Formulas over tensors: a formula and the expressions of its names give one expression.
//
//   const FormulaFacts facts = check_formula(formula, {"x", "a"});          // without any tensor
//   FormulaLowering lowering(computing_dtype({x.dtype(), a.dtype()}, facts));
//   lowering.set("x", x);  lowering.set("a", a);
//   Expr result = lowering.value(formula);
//
// Meaning: every tensor is converted once to the computing dtype where an operation needs its numbers; each operation
// rounds as its row says; numbers of the formula are scalars of the computing dtype. Comparisons give bool, and a bool
// beside numbers counts as 0 and 1. Slices and functions that only arrange elements leave these as they are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "brainsurgery/expr.h"
#include "formula/formula.h"
#include "lowering/typing.h"

namespace brainsurgery {

// Everything that needs no tensor: names, functions, their arguments. Throws Error(plan) at the mistake.
[[nodiscard]] FormulaFacts check_formula(const Formula& formula, const std::vector<std::string>& names);

class FormulaLowering {
 public:
  explicit FormulaLowering(DType computing) : typing_(computing) {}

  void set(const std::string& name, Expr value) { values_.insert_or_assign(name, std::move(value)); }
  // Of the computing dtype, bool, or, where nothing is computed, the dtype of the elements. Throws Error(plan) at the
  // part of a formula whose shapes or dtypes do not fit. The formula was checked with the names that are set.
  [[nodiscard]] Expr value(const Formula& formula);

 private:
  Typing typing_;
  std::map<std::string, Expr, std::less<>> values_;
};

}  // namespace brainsurgery
