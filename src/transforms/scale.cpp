// scale, scale_: multiplication by a number.
#include "brainsurgery/error.h"
#include "transforms/families.h"
#include "transforms/operands.h"
#include "transforms/scalar_operand.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

struct ScaleSpec {
  TensorRef from, to;
  ScalarOperand by;
};

struct ScaleInPlaceSpec {
  TensorRef target;
  ScalarOperand by;
};

constexpr const char* kScaleDetails =
    "The dtype is kept. The factor is rounded to the computing precision first (float64 for float64, else float32), "
    "then "
    "there is one multiplication and one rounding. It may be the element of a tensor, as in by: {tensor: '\\1.alpha'}. Integers take integral factors only, and wrap; bool is refused.";

// The factor is the second operand where it is a tensor.
Expr scaled(const Row& row, const ScalarOperand& by) {
  const Expr& expr = row.one(0);
  if (by.number) return map(operation("scale"), {expr}, {.numbers = {by.number->value}});
  const DType dtype = expr.dtype();
  if (dtype == DType::BOOL) throw Error(ErrorCode::plan, "scaling is not defined for dtype bool");
  const DType computing = is_floating(dtype) ? computing_dtype(dtype) : dtype;
  return cast(map(operation("multiply"), {cast(expr, computing), element_of(row, 1, "by", computing)}), dtype);
}

}  // namespace

void add_scale(StepRegistry& registry) {
  SchemaBuilder<ScaleSpec> copying("scale",
                                   {"Multiplies tensors by a number into new names.", kScaleDetails,
                                    "scale: {from: 'h\\.(\\d+)\\.ln_1\\.weight', to: 'h.\\1.ln_1.half', by: 0.5}"});
  copying.reference(&ScaleSpec::from, "from", roles::source()).doc("The tensors to scale.");
  copying.reference(&ScaleSpec::to, "to", roles::created()).doc("The new name.");
  add_scalar(copying, &ScaleSpec::by, "by").require().doc("The factor: a number, or a tensor of one element.");
  registry.add(make_edit<ScaleSpec>(copying, [](const ScaleSpec& spec, const Row& row) {
    return std::vector{scaled(row, spec.by)};
  }).undone_by(undone_by_deleting));

  SchemaBuilder<ScaleInPlaceSpec> in_place(
      "scale_",
      {"Multiplies tensors by a number.", kScaleDetails, "scale_: {target: 'h\\.\\d+\\.attn\\.c_proj\\.weight', by: 0.5}"});
  in_place.reference(&ScaleInPlaceSpec::target, "target", roles::in_place()).doc("The tensors to scale.");
  add_scalar(in_place, &ScaleInPlaceSpec::by, "by").require().doc("The factor: a number, or a tensor of one element.");
  registry.add(make_edit<ScaleInPlaceSpec>(in_place, [](const ScaleInPlaceSpec& spec, const Row& row) {
    return std::vector{scaled(row, spec.by)};
  }));
}

}  // namespace brainsurgery
