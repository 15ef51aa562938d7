// nearswap: every element moves by about the same amount, so that near ones are exchanged (alchemonaut, 2024).
#include "merging/methods/methods.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr lower(const MergeInputs& inputs) {
  constexpr double kLeast = 1e-6;
  const Expr& model = inputs.models.front();
  const Expr distance = map(operation("clamp"), {magnitude(inputs.base - model)}, {.numbers = {kLeast, std::nullopt}});
  const Expr share = map(operation("clamp"), {inputs.shared("t") * map(operation("reciprocal"), {distance})}, {.numbers = {0.0, 1.0}});
  return share * model + (number(1, inputs.dtype()) - share) * inputs.base;
}

}  // namespace

MergeMethod nearswap() {
  return {.name = "nearswap",
          .summary = "Moves each element of the base towards the model, by t at most.",
          .formula = "u X + (1 - u) B, u = t / |B - X| between 0 and 1",
          .source = "alchemonaut 2024",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 1,
          .parameters = {{"t"}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
