// clamp, clamp_: limits on values.
#include <fmt/format.h>

#include <cmath>

#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct Limits {
  std::optional<double> min, max;
};

struct ClampSpec : Limits {
  TensorRef from, to;
};

struct ClampInPlaceSpec : Limits {
  TensorRef target;
};

template <typename Spec>
void add_limits(SchemaBuilder<Spec>& schema) {
  schema.field(static_cast<std::optional<double> Spec::*>(&Limits::min), "min")
      .doc("The lower limit; no limit if absent.");
  schema.field(static_cast<std::optional<double> Spec::*>(&Limits::max), "max")
      .doc("The upper limit; no limit if absent.");
  schema.needs_one_of({"min", "max"});
  schema.check([](const Spec& spec) -> std::optional<FieldProblem> {
    if ((spec.min && std::isnan(*spec.min)) || (spec.max && std::isnan(*spec.max)))
      return FieldProblem{"", "min and max must not be nan"};
    if (spec.min && spec.max && *spec.min > *spec.max)
      return FieldProblem{"", fmt::format("min {} exceeds max {}", *spec.min, *spec.max)};
    return std::nullopt;
  });
}

constexpr const char* kClampDetails =
    "At least one limit. The dtype is kept and limits are rounded to it, for integers inwards. NaN stays NaN; bool is "
    "refused.";

Expr limited(const Expr& expr, const Limits& limits) {
  return map(operation("clamp"), {expr}, {.numbers = {limits.min, limits.max}});
}

}  // namespace

void add_clamp(StepRegistry& registry) {
  SchemaBuilder<ClampSpec> copying("clamp", {"Limits the values of tensors, under new names.", kClampDetails,
                                             "clamp: {from: 'wte.weight', to: 'wte.clamped', min: -0.03, max: 0.03}"});
  copying.reference(&ClampSpec::from, "from", roles::source()).doc("The tensors to limit.");
  copying.reference(&ClampSpec::to, "to", roles::created()).doc("The new name.");
  add_limits(copying);
  registry.add(make_edit<ClampSpec>(copying, [](const ClampSpec& spec, const Row& row) {
    return std::vector{limited(row.one(0), spec)};
  }));

  SchemaBuilder<ClampInPlaceSpec> in_place(
      "clamp_", {"Limits the values of tensors.", kClampDetails, "clamp_: {target: '.+\\.weight', max: 0.5}"});
  in_place.called_elsewhere({"clip", "clip_", "limit"});
  in_place.reference(&ClampInPlaceSpec::target, "target", roles::in_place()).doc("The tensors to limit.");
  add_limits(in_place);
  registry.add(make_edit<ClampInPlaceSpec>(in_place, [](const ClampInPlaceSpec& spec, const Row& row) {
    return std::vector{limited(row.one(0), spec)};
  }));
}

}  // namespace brainsurgery
