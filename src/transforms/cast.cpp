// cast, cast_: other element types.
#include <fmt/format.h>

#include <algorithm>

#include "transforms/families.h"
#include "transforms/undo.h"

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

constexpr const char* kCastInPlace = "cast_";

// Whether every element of `from` is one of `to`.
bool keeps_elements(DType from, DType to) {
  const DTypeInfo &narrow = info(from), &wide = info(to);
  if (!is_floating(from) || !is_floating(to) || !narrow.computes || !wide.computes) return false;
  return (wide.bits >= 32 && wide.bits > narrow.bits) || (narrow.bits == 8 && to == DType::BF16);
}

// The dtype of the condition dtype == 'NAME'.
std::optional<DType> only_dtype(const YamlNode* where) {
  if (where == nullptr || !where->is_string()) return std::nullopt;
  std::string text = where->text();
  std::erase(text, ' ');
  constexpr std::string_view kEqual = "dtype==";
  if (!text.starts_with(kEqual) || text.size() < kEqual.size() + 3) return std::nullopt;
  const std::string word = text.substr(kEqual.size() + 1, text.size() - kEqual.size() - 2);
  const auto found = std::ranges::find_if(all_dtypes(), [&word](const DTypeInfo& row) { return row.torch_name == word; });
  return found == all_dtypes().end() ? std::nullopt : std::optional(found->dtype);
}

UndoingStep cast_back(const WrittenStep& written) {
  const YamlPtr to = written_field(written, "to");
  const auto is_meant = [&to](const DTypeInfo& row) {
    return row.torch_name == to->text() || std::ranges::find(row.aliases, to->text()) != row.aliases.end();
  };
  const auto wide = std::ranges::find_if(all_dtypes(), is_meant);
  const std::optional<DType> narrow = only_dtype(written.where);
  if (!narrow || wide == all_dtypes().end()) {
    cannot_undo(written, "nothing says which dtype the tensors had; a condition as where: dtype == 'bfloat16' does");
  }
  if (!keeps_elements(*narrow, wide->dtype))
    cannot_undo(written, fmt::format("{} does not hold every element of {}", wide->torch_name, info(*narrow).torch_name));
  const auto condition = YamlNode::text(to->span(), fmt::format("dtype == '{}'", wide->torch_name));
  const YamlPtr back = YamlNode::text(to->span(), std::string(info(*narrow).torch_name));
  return {kCastInPlace, payload_with(written, "to", back), {}, condition};
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
      {.warning = warn_of_copies}).undone_by(undone_by_deleting));

  SchemaBuilder<CastInPlaceSpec> in_place(
      kCastInPlace, {"Converts tensors to another dtype.", kCastDetails, "cast_: {target: '.+\\.weight', to: bfloat16}"});
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
      {.warning = warn}).undone_by(cast_back));
}

}  // namespace brainsurgery
