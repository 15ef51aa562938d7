// What can be learnt of tensors' values without having them as a whole: the executor's answers to queries.
//
//   TensorStatistics statistics = data.statistics(expr);
//   if (statistics.max) use(*statistics.max);
//
// Called by one thread at a time. Every function throws Error(run) where data cannot be read.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "brainsurgery/expr.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

// Two tensors of one shape and dtype that are held against each other. With `eps`: elements may differ by at most it; a
// dtype that does not compute is compared as without.
struct ValueComparison {
  Expr a, b;
  std::optional<double> eps;
};

struct Difference {
  bool differs = false;  // by value (0.0 equals -0.0, NaN equals nothing), or by more than eps somewhere
  // The largest |a - b| in float64, where there is an eps and the dtype computes; NaN as soon as one element is. Equal
  // infinities are at distance 0.
  std::optional<double> max_abs;
};

class DataSource {
 public:
  virtual ~DataSource() = default;
  [[nodiscard]] virtual TensorStatistics statistics(const Expr& expr) = 0;
  // All elements, packed.
  [[nodiscard]] virtual std::vector<std::byte> values(const Expr& expr) = 0;
  [[nodiscard]] virtual Difference difference(const ValueComparison& comparison) = 0;
};

}  // namespace brainsurgery
