// Tensors from numbers written in the plan.
#pragma once

#include "brainsurgery/expr.h"
#include "brainsurgery/schema.h"
#include "brainsurgery/step.h"

namespace brainsurgery {

// The numbers converted to desc.dtype and broadcast to desc.shape. Integers truncate, BOOL is "not zero". Throws
// Error(plan): a finite number overflows the dtype, inf or nan meets an integer dtype, or the shapes do not fit.
[[nodiscard]] Expr filled(const TensorDesc& desc, const NumberArray& numbers);
[[nodiscard]] Expr filled(const TensorDesc& desc, const ExactNumber& number);

// What `rand` and `fill: {mode: rand}` share: the keys of a distribution.
enum class Generator : std::uint8_t { sequence, counter };
struct DrawSpec {
  Generator generator = Generator::sequence;
  nodes::Random::Distribution distribution = nodes::Random::Distribution::uniform;
  double low = 0, high = 1, mean = 0, std = 1;
  std::optional<std::int64_t> seed;
};

template <typename Spec>
void add_draw_fields(SchemaBuilder<Spec>& schema) {
  schema
      .choice(static_cast<nodes::Random::Distribution Spec::*>(&DrawSpec::distribution), "distribution",
              {"uniform", "normal"})
      .defaults_to("uniform")
      .doc("Of random values.");
  schema.field(static_cast<double Spec::*>(&DrawSpec::low), "low").defaults_to("0").doc("Uniform: the smallest value.");
  schema.field(static_cast<double Spec::*>(&DrawSpec::high), "high")
      .defaults_to("1")
      .doc("Uniform: the bound above, not reached.");
  schema.field(static_cast<double Spec::*>(&DrawSpec::mean), "mean").defaults_to("0").doc("Normal: the mean.");
  schema.field(static_cast<double Spec::*>(&DrawSpec::std), "std")
      .defaults_to("1")
      .doc("Normal: the standard deviation, positive.");
  schema.field(static_cast<std::optional<std::int64_t> Spec::*>(&DrawSpec::seed), "seed")
      .doc("Of random values; without one it follows from the step's place and the tensor's name.");
  schema.choice(static_cast<Generator Spec::*>(&DrawSpec::generator), "generator", {"sequence", "counter"})
      .defaults_to("sequence")
      .doc("sequence: a stream for each tensor, PyTorch's for uniform values; the tensor is held as a whole. counter: each "
           "element from the seed, the tensor's name and its index; nothing is held.");
}

[[nodiscard]] std::optional<FieldProblem> problem_of_draw(const DrawSpec& spec);
// The row's seed is asked where the spec has none.
[[nodiscard]] Expr drawn(const TensorDesc& desc, const DrawSpec& spec, const Row& row);

}  // namespace brainsurgery
