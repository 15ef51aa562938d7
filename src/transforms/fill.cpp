// fill, fill_: other elements in the shape and dtype of a tensor.
#include "brainsurgery/error.h"
#include "transforms/families.h"
#include "transforms/numbers.h"
#include "transforms/scalar_operand.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

enum class FillMode : std::uint8_t { constant, rand, tensor };

struct FillOptions : DrawSpec {
  FillMode mode = FillMode::constant;
  ScalarOperand value;
  std::optional<NumberArray> values;
};

struct FillSpec : FillOptions {
  TensorRef from, to;
  std::optional<DType> dtype;
};

struct FillInPlaceSpec : FillOptions {
  TensorRef target;
};

template <typename Spec>
void add_fill_fields(SchemaBuilder<Spec>& schema) {
  schema.choice(static_cast<FillMode Spec::*>(&FillOptions::mode), "mode", {"constant", "rand", "tensor"})
      .require()
      .doc("Where the elements come from.");
  add_scalar(schema, static_cast<ScalarOperand Spec::*>(&FillOptions::value), "value")
      .doc("constant: the number, or a tensor of one element.");
  schema.field(static_cast<std::optional<NumberArray> Spec::*>(&FillOptions::values), "values")
      .doc("tensor: a number or nested lists, broadcast to the shape.");
  add_draw_fields(schema);
  schema.check([](const Spec& spec) -> std::optional<FieldProblem> {
    if (spec.mode == FillMode::constant && !spec.value.is_given()) return FieldProblem{"", "mode constant needs 'value'"};
    if (spec.mode == FillMode::tensor && !spec.values) return FieldProblem{"", "mode tensor needs 'values'"};
    return spec.mode == FillMode::rand ? problem_of_draw(spec) : std::nullopt;
  });
}

Expr fill(const TensorDesc& desc, const FillOptions& options, const Row& row) {
  switch (options.mode) {
    case FillMode::constant:
      if (options.value.number) return filled(desc, *options.value.number);
      return broadcast(element_of(row, 1, "value", desc.dtype), desc.shape);
    case FillMode::rand:
      return drawn(desc, options, row);
    case FillMode::tensor:
      break;
  }
  try {
    return filled(desc, *options.values);
  } catch (const Error& error) {
    throw error.with_note("in 'values'");
  }
}

constexpr const char* kFillDetails =
    "mode constant: a number. mode rand: random values, of floating types only. mode tensor: numbers written in the "
    "plan, "
    "broadcast to the shape. Numbers are converted as by cast; one that does not fit the dtype is a mistake. Keys of "
    "the "
    "other modes are ignored.";

}  // namespace

void add_fill(StepRegistry& registry) {
  SchemaBuilder<FillSpec> copying(
      "fill",
      {"Creates tensors in the shape and dtype of others, with other elements.", kFillDetails,
       "fill: {from: 'wte.weight', to: 'lm_head.weight', mode: rand, distribution: normal, std: 0.02, seed: 1}"});
  copying.reference(&FillSpec::from, "from", roles::source()).doc("The tensors whose shape and dtype are used.");
  copying.reference(&FillSpec::to, "to", roles::created()).doc("The new name.");
  copying.field(&FillSpec::dtype, "dtype").defaults_to("that of `from`").doc("The element type.");
  add_fill_fields(copying);
  registry.add(make_edit<FillSpec>(copying, [](const FillSpec& spec, const Row& row) {
    const TensorDesc& from = row.one(0).desc();
    return std::vector{fill({spec.dtype.value_or(from.dtype), from.shape}, spec, row)};
  }).undone_by(undone_by_deleting));

  SchemaBuilder<FillInPlaceSpec> in_place("fill_", {"Replaces the elements of tensors.", kFillDetails,
                                                    "fill_: {target: 'wte.weight::[0]', mode: constant, value: 0}"});
  in_place.called_elsewhere({"constant", "zero_", "init"});
  in_place.reference(&FillInPlaceSpec::target, "target", roles::in_place()).doc("The tensors to fill.");
  add_fill_fields(in_place);
  registry.add(make_edit<FillInPlaceSpec>(
      in_place, [](const FillInPlaceSpec& spec, const Row& row) { return std::vector{fill(row.one(0).desc(), spec, row)}; }));
}

}  // namespace brainsurgery
