// passthrough: one model as it is, or scaled.
#include "merging/methods/methods.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr lower(const MergeInputs& inputs) {
  const double scale = inputs.of_model("scale", 0);
  return scale == 1 ? inputs.models.front() : scale * inputs.models.front();
}

}  // namespace

MergeMethod passthrough() {
  return {.name = "passthrough",
          .summary = "One model as it is, or multiplied by a number.",
          .formula = "scale X",
          .source = "",
          .base = MergeMethod::Base::none,
          .least = 1,
          .most = 1,
          .parameters = {{"scale", 1}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
