// The dtype in which a formula is computed, and what its operands become before they are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "brainsurgery/expr.h"
#include "formula/formula.h"

namespace brainsurgery {

// What is known of a formula's dtypes without its operands.
struct FormulaFacts {
  bool integers = true;  // of integers it gives integers: every operation is exact on them
  bool float64 = false;  // it converts something to float64
  bool casts = false;    // its outermost operation says the dtype of the result

  // Of formulas that are computed together.
  void join(const FormulaFacts& other) {
    integers = integers && other.integers;
    float64 = float64 || other.float64;
  }
};

// int64 for integer operands where all is exact on integers; else float64 if an operand or a conversion is of that
// dtype; else float32.
[[nodiscard]] DType computing_dtype(std::span<const DType> operands, const FormulaFacts& facts);

class Typing {
 public:
  explicit Typing(DType computing) : computing_(computing) {}

  [[nodiscard]] DType computing() const { return computing_; }
  // In the computing dtype; true is 1. The same expression is converted once. Throws Error(plan) for uint64 in int64.
  [[nodiscard]] Expr number(const Expr& value);
  // For operations of integers: in the computing dtype if that is one, else in int64. Throws Error(plan) for others
  // than integers, conditions, and whole numbers that the formula computes of numbers alone, too small for the rounding
  // of the computing dtype.
  [[nodiscard]] Expr integer(const Expr& value);
  // A number of the formula; equal ones are one expression. Throws Error(plan) where it does not fit the computing
  // dtype.
  [[nodiscard]] Expr number(const terms::Number& number);
  // A whole one, exactly: in the computing dtype if that is one of integers, else in int64.
  [[nodiscard]] Expr integer(std::int64_t number);

 private:
  [[nodiscard]] Expr converted(const Expr& value, DType dtype);

  DType computing_;
  std::unordered_map<std::uint64_t, Expr> numbers_;                           // by the bits of their element
  std::map<std::pair<const Node*, DType>, std::pair<Expr, Expr>> converted_;  // the key's own expression keeps it alive
};

[[nodiscard]] Expr boolean_literal(bool value);
// The operation; done at once where all operands are numbers of the formula.
[[nodiscard]] Expr map_or_fold(const Operation& operation, std::vector<Expr> operands,
                               const Parameters& parameters = {});
// a * b; by a number of the formula it is the operation "scale", which gives the same and fuses better.
[[nodiscard]] Expr product(const Expr& a, const Expr& b);
// base ** exponent as products, for exponent >= 1.
[[nodiscard]] Expr power(const Expr& base, std::int64_t exponent);

}  // namespace brainsurgery
