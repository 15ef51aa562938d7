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

namespace brainsurgery {

// nullopt: the tensor is empty, or its dtype has no order (complex and sub-byte types). NaN as soon as one element is.
struct TensorStatistics {
  std::optional<double> min, max;
  std::optional<double> mean;  // of integers and booleans too
};

// How two tensors of one shape and dtype compare.
struct Difference {
  bool differs = false;  // by value (0.0 equals -0.0, NaN equals nothing), or by more than eps somewhere
  // The largest |a - b| in float64, where it was asked for and the dtype computes; NaN as soon as one element is.
  std::optional<double> max_abs;
};

class DataSource {
 public:
  virtual ~DataSource() = default;
  [[nodiscard]] virtual TensorStatistics statistics(const Expr& expr) = 0;
  // All elements, packed.
  [[nodiscard]] virtual std::vector<std::byte> values(const Expr& expr) = 0;
  // a, b: one shape and dtype. With `eps`: elements may differ by at most it, and max_abs is given.
  [[nodiscard]] virtual Difference difference(const Expr& a, const Expr& b, std::optional<double> eps) = 0;
};

}  // namespace brainsurgery
