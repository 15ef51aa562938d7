// How the elements of a tensor are distributed.
#pragma once

#include "brainsurgery/data_source.h"
#include "brainsurgery/run.h"

namespace brainsurgery {

// Throws Error(plan) for a slice or a histogram that does not fit, Error(run) for data that cannot be read.
[[nodiscard]] TensorProfile tensor_profile(const ProfileQuery& query, const Expr& tensor, DataSource& data);

}  // namespace brainsurgery
