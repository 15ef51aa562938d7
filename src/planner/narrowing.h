// Expressions without conversions to wider floating dtypes that change no value.
#pragma once

#include <unordered_map>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery {

// For those who want values, whatever dtype holds them. Used by one thread.
class Narrowing {
 public:
  // The values of a tensor in the narrower floating dtype that they were converted from. Operations on the way that
  // ignore the width (see Operation) are done in it. The tensor itself where there is none. The same argument gives the
  // same node.
  [[nodiscard]] Expr before_widening(const Expr& expr) { return narrow(expr, kMostLevels); }

 private:
  static constexpr int kMostLevels = 64;

  [[nodiscard]] Expr narrow(const Expr& expr, int levels);
  [[nodiscard]] std::vector<Expr> narrow_operands(const std::vector<Expr>& operands, int levels);

  struct Known {
    Expr expr, narrow;  // the first keeps its node alive
  };
  std::unordered_map<const Node*, Known> known_;
};

}  // namespace brainsurgery
