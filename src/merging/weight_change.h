// What a module of an adapter adds to a weight, and DoRA's magnitudes.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "merging/adapter.h"
#include "merging/row_blocks.h"

namespace brainsurgery::merging {

struct WeightChange {
  // Some rows of what is added, multiplied by `factor`, in the dtype of the computation.
  std::function<Expr(double factor, Span rows)> delta;
  // What the norms of outputs become, of size 1 along `norm_axes`; empty: they stay.
  Expr magnitude = {};
  std::vector<int> norm_axes = {};
};

// Where an adapter's module stands.
struct AdaptedWeight {
  const Adapter* adapter;
  const AdaptedModule* module;
  TensorDesc weight;
  std::string label;  // of the weight, for messages
};

// Throws Error(plan) that names the adapter's tensor where its parts do not fit the weight, or have another rank than the
// config says.
[[nodiscard]] WeightChange weight_change(std::string_view step, const AdaptedWeight& at, DType computing);
// What lora_bias adds to the bias of the module, which has the part.
[[nodiscard]] Expr bias_change(std::string_view step, const AdaptedWeight& at, DType computing, double factor);
// Of the adapter's module: the rank of its factors; 0 where a module of LoKr has none.
[[nodiscard]] std::int64_t rank_of(const AdaptedModule& module);

}  // namespace brainsurgery::merging
