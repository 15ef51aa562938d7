// clamp, clamp_: limits on values.
#include <fmt/format.h>

#include <cmath>

#include "brainsurgery/error.h"
#include "transforms/families.h"
#include "transforms/scalar_operand.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

struct Limits {
  ScalarOperand min, max;
};

struct ClampSpec : Limits {
  TensorRef from, to;
};

struct ClampInPlaceSpec : Limits {
  TensorRef target;
};

std::optional<double> number_of(const ScalarOperand& limit) {
  return limit.number ? std::optional(limit.number->value) : std::nullopt;
}

template <typename Spec>
void add_limits(SchemaBuilder<Spec>& schema) {
  add_scalar(schema, static_cast<ScalarOperand Spec::*>(&Limits::min), "min")
      .doc("The lower limit, a number or a tensor of one element; no limit if absent.");
  add_scalar(schema, static_cast<ScalarOperand Spec::*>(&Limits::max), "max")
      .doc("The upper limit, a number or a tensor of one element; no limit if absent.");
  schema.needs_one_of({"min", "max"});
  schema.check([](const Spec& spec) -> std::optional<FieldProblem> {
    const std::optional<double> min = number_of(spec.min), max = number_of(spec.max);
    if ((min && std::isnan(*min)) || (max && std::isnan(*max))) return FieldProblem{"", "min and max must not be nan"};
    if (min && max && *min > *max) return FieldProblem{"", fmt::format("min {} exceeds max {}", *min, *max)};
    return std::nullopt;
  });
}

constexpr const char* kClampDetails =
    "At least one limit. The dtype is kept and limits are rounded to it, for integers inwards. NaN stays NaN; bool is "
    "refused.";

// Limits that are tensors are the second and the third operand.
Expr limited(const Row& row, const Limits& limits) {
  const std::optional<double> min = number_of(limits.min), max = number_of(limits.max);
  Expr result = row.one(0);
  const DType dtype = result.dtype();
  if (dtype == DType::BOOL && (limits.min.tensor || limits.max.tensor))
    throw Error(ErrorCode::plan, "clamping is not defined for dtype bool");
  if (limits.min.tensor) result = map(operation("maximum"), {result, element_of(row, 1, "min", dtype)});
  if (min || max) result = map(operation("clamp"), {result}, {.numbers = {min, max}});
  if (limits.max.tensor) result = map(operation("minimum"), {result, element_of(row, 2, "max", dtype)});
  return result;
}

}  // namespace

void add_clamp(StepRegistry& registry) {
  SchemaBuilder<ClampSpec> copying("clamp", {"Limits the values of tensors, under new names.", kClampDetails,
                                             "clamp: {from: 'wte.weight', to: 'wte.clamped', min: -0.03, max: 0.03}"});
  copying.reference(&ClampSpec::from, "from", roles::source()).doc("The tensors to limit.");
  copying.reference(&ClampSpec::to, "to", roles::created()).doc("The new name.");
  add_limits(copying);
  registry.add(make_edit<ClampSpec>(copying, [](const ClampSpec& spec, const Row& row) {
    return std::vector{limited(row, spec)};
  }).undone_by(undone_by_deleting));

  SchemaBuilder<ClampInPlaceSpec> in_place(
      "clamp_", {"Limits the values of tensors.", kClampDetails, "clamp_: {target: '.+\\.weight', max: 0.5}"});
  in_place.called_elsewhere({"clip", "clip_", "limit"});
  in_place.reference(&ClampInPlaceSpec::target, "target", roles::in_place()).doc("The tensors to limit.");
  add_limits(in_place);
  registry.add(make_edit<ClampInPlaceSpec>(in_place, [](const ClampInPlaceSpec& spec, const Row& row) {
    return std::vector{limited(row, spec)};
  }));
}

}  // namespace brainsurgery
