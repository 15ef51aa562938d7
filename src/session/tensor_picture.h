// A tensor seen as a matrix: from afar, a block of it, its rows, and how far it is from another one.
#pragma once

#include <optional>
#include <vector>

#include "brainsurgery/data_source.h"
#include "brainsurgery/tensor_look.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

// All of these throw Error(run) for data that cannot be read, and Error(plan) for a query that is none.
[[nodiscard]] TensorPicture tensor_picture(const PictureQuery& query, const Expr& tensor, DataSource& data);
[[nodiscard]] TensorBlock tensor_block(const BlockQuery& query, const Expr& tensor, DataSource& data);
[[nodiscard]] std::vector<double> row_norms(const Expr& tensor, DataSource& data);
[[nodiscard]] std::optional<TensorDistance> tensor_distance(const Expr& a, const Expr& b, DataSource& data);
[[nodiscard]] TensorOrigin tensor_origin(const Expr& tensor);

}  // namespace brainsurgery
