// Tensors as the handle of a run shows them.
#pragma once

#include <string>

#include "brainsurgery/data_source.h"
#include "brainsurgery/run.h"

namespace brainsurgery {

[[nodiscard]] TensorInfo tensor_info(const std::string& name, const Expr& expr);
// Throws Error(plan) for a slice that does not fit, Error(run) for data that cannot be read.
[[nodiscard]] TensorValue tensor_value(const ValueQuery& query, const Expr& tensor, DataSource& data);

}  // namespace brainsurgery
