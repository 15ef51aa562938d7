// cast, cast_: other element types.
#include <fmt/format.h>

#include <algorithm>

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

constexpr const char* kCastDetails =
    "Floating types round to nearest even, half types and 8-bit floats by way of float32. Floating to integer "
    "truncates towards zero, integers wrap, and to bool everything but zero is true. docs/arithmetic.md covers "
    "overflow, NaN and values outside the range.";

// Where a pattern meets floating tensors and others, the others are seldom meant to be converted.
std::string mixed_cast_warning(DType to, const std::vector<Operand>& sources) {
  const auto is_other = [](const Operand& source) { return !is_floating(source.expr.dtype()); };
  const std::int64_t others = std::ranges::count_if(sources, is_other);
  if (!is_floating(to) || others == 0 || others == std::ssize(sources)) return "";
  const Operand& first = *std::ranges::find_if(sources, is_other);
  return fmt::format("{} of {} tensors cast to {} {} integer or bool: {}::{} ({}){}", others, sources.size(),
                     to_string(to), others == 1 ? "is" : "are", first.alias, first.name,
                     to_string(first.expr.dtype()), others == 1 ? "" : fmt::format(" and {} more", others - 1));
}

}  // namespace

void add_cast(StepRegistry& registry) {
  SchemaBuilder<CastSpec> copying("cast", {"Converts tensors to another dtype under new names.", kCastDetails,
                                           "cast: {from: '(.+)\\.weight', to: '\\1.half', dtype: float16}"});
  copying.reference(&CastSpec::from, "from", roles::source()).doc("The tensors to convert.");
  copying.reference(&CastSpec::to, "to", roles::created()).doc("The new name.");
  copying.field(&CastSpec::dtype, "dtype").require().doc("The new dtype.");
  const auto warn_of_copies = [](const void* spec, const std::vector<Operand>& sources) {
    return mixed_cast_warning(static_cast<const CastSpec*>(spec)->dtype, sources);
  };
  registry.add(make_edit<CastSpec>(
      copying,
      [](const CastSpec& spec, const Row& row) {
        return std::vector{cast(row.one(0), spec.dtype)};
      },
      {.warning = warn_of_copies}));

  SchemaBuilder<CastInPlaceSpec> in_place(
      "cast_", {"Converts tensors to another dtype.", kCastDetails, "cast_: {target: '.+\\.weight', to: bfloat16}"});
  in_place.called_elsewhere({"convert", "to", "astype", "dtype", "to_dtype"});
  in_place.reference(&CastInPlaceSpec::target, "target", roles::rebuilt()).doc("The tensors to convert.");
  in_place.field(&CastInPlaceSpec::to, "to").require().doc("The new dtype.");
  const auto warn = [](const void* spec, const std::vector<Operand>& sources) {
    return mixed_cast_warning(static_cast<const CastInPlaceSpec*>(spec)->to, sources);
  };
  registry.add(make_edit<CastInPlaceSpec>(
      in_place,
      [](const CastInPlaceSpec& spec, const Row& row) {
        return std::vector{cast(row.one(0), spec.to)};
      },
      {.warning = warn}));
}

}  // namespace brainsurgery
