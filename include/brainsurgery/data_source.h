// What reports ask of tensors' values.
//
//   std::vector<Number> numbers = data.numbers(statistics_of(expr));          // graph/conditions.h
//
// Called by one thread at a time. Every function throws Error(run) where data cannot be read.
#pragma once

#include <cstddef>
#include <vector>

#include "brainsurgery/check.h"

namespace brainsurgery {

class DataSource {
 public:
  virtual ~DataSource() = default;
  // Of tensors with one element each. What a report said before that it will ask is there already.
  [[nodiscard]] virtual std::vector<Number> numbers(const std::vector<Expr>& numbers) = 0;
  // All elements, packed.
  [[nodiscard]] virtual std::vector<std::byte> values(const Expr& expr) = 0;
};

}  // namespace brainsurgery
