// scale, scale_: multiplication by a number.
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct ScaleSpec {
  TensorRef from, to;
  double by = 1;
};

struct ScaleInPlaceSpec {
  TensorRef target;
  double by = 1;
};

constexpr const char* kScaleDetails =
    "The dtype is kept. The factor is rounded to the computing precision first (float64 for float64, else float32), "
    "then "
    "there is one multiplication and one rounding. Integers take integral factors only, and wrap; bool is refused.";

Expr scaled(const Expr& expr, double factor) { return map(operation("scale"), {expr}, {.numbers = {factor}}); }

}  // namespace

void add_scale(StepRegistry& registry) {
  SchemaBuilder<ScaleSpec> copying("scale",
                                   {"Multiplies tensors by a number into new names.", kScaleDetails,
                                    "scale: {from: 'h\\.(\\d+)\\.ln_1\\.weight', to: 'h.\\1.ln_1.half', by: 0.5}"});
  copying.reference(&ScaleSpec::from, "from", roles::source()).doc("The tensors to scale.");
  copying.reference(&ScaleSpec::to, "to", roles::created()).doc("The new name.");
  copying.field(&ScaleSpec::by, "by").require().doc("The factor; any number.");
  registry.add(make_edit<ScaleSpec>(copying, [](const ScaleSpec& spec, const Row& row) {
    return std::vector{scaled(row.one(0), spec.by)};
  }));

  SchemaBuilder<ScaleInPlaceSpec> in_place(
      "scale_",
      {"Multiplies tensors by a number.", kScaleDetails, "scale_: {target: 'h\\.\\d+\\.attn\\.c_proj\\.weight', by: 0.5}"});
  in_place.reference(&ScaleInPlaceSpec::target, "target", roles::in_place()).doc("The tensors to scale.");
  in_place.field(&ScaleInPlaceSpec::by, "by").require().doc("The factor; any number.");
  registry.add(make_edit<ScaleInPlaceSpec>(in_place, [](const ScaleInPlaceSpec& spec, const Row& row) {
    return std::vector{scaled(row.one(0), spec.by)};
  }));
}

}  // namespace brainsurgery
