// cast, cast_: other element types.
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct CastSpec {
  TensorRef from, to;
  DType dtype = DType::F32;
};

struct CastInPlaceSpec {
  TensorRef target;
  DType to = DType::F32;
};

constexpr const char* kDetails =
    "Floating types round to nearest even, half types and 8-bit floats by way of float32. Floating to integer "
    "truncates towards zero, integers wrap, and to bool everything but zero is true. docs/arithmetic.md covers "
    "overflow, NaN and values outside the range.";

}  // namespace

void add_cast(TransformRegistry& registry) {
  SchemaBuilder<CastSpec> copying("cast", {"Converts tensors to another dtype under new names.", kDetails,
                                           "cast: {from: '(.+)\\.weight', to: '\\1.half', dtype: float16}"});
  copying.reference(&CastSpec::from, "from", roles::source()).doc("The tensors to convert.");
  copying.reference(&CastSpec::to, "to", roles::created()).doc("The new name.");
  copying.field(&CastSpec::dtype, "dtype").require().doc("The new dtype.");
  registry.add(make_edit<CastSpec>(copying, [](const CastSpec& spec, const EditMatch& match) {
    return std::vector{cast(match.operands[0].expr, spec.dtype)};
  }));

  SchemaBuilder<CastInPlaceSpec> in_place(
      "cast_", {"Converts tensors to another dtype.", kDetails, "cast_: {target: '.+\\.weight', to: bfloat16}"});
  in_place.called_elsewhere({"convert", "to", "astype", "dtype", "to_dtype"});
  in_place.reference(&CastInPlaceSpec::target, "target", roles::in_place_whole()).doc("The tensors to convert.");
  in_place.field(&CastInPlaceSpec::to, "to").require().doc("The new dtype.");
  Edit edit = make_edit<CastInPlaceSpec>(in_place, [](const CastInPlaceSpec& spec, const EditMatch& match) {
    return std::vector{cast(match.operands[0].expr, spec.to)};
  });
  edit.rebinds = true;
  registry.add(std::move(edit));
}

}  // namespace brainsurgery
