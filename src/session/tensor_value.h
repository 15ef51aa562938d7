// Tensors as the handle of a run shows them.
#pragma once

#include <string>

#include "brainsurgery/data_source.h"
#include "brainsurgery/run.h"

namespace brainsurgery {

[[nodiscard]] TensorInfo tensor_info(const std::string& name, const Expr& expr);
// What the slice, as text, selects; empty: the whole tensor. Throws Error(plan) for one that does not fit, and for a
// tensor, called `label`, whose elements cannot be read.
[[nodiscard]] Expr part_of(const Expr& tensor, const std::string& slice, const std::string& label);
// The first `count` elements in row-major order, of a dtype that computes.
[[nodiscard]] std::vector<Number> first_values(const Expr& part, std::int64_t count, DataSource& data);
// Throws Error(plan) for a slice that does not fit, Error(run) for data that cannot be read.
[[nodiscard]] TensorValue tensor_value(const ValueQuery& query, const Expr& tensor, DataSource& data);

}  // namespace brainsurgery
