// rearrange, rearrange_: dimensions split, permuted, repeated and joined by a pattern of their names.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "brainsurgery/error.h"
#include "base/text.h"
#include "plan/field_values.h"
#include "transforms/axis_pattern.h"
#include "transforms/families.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

struct PatternSpec {
  std::optional<AxisPattern> pattern;
  std::vector<AxisSize> sizes;
};

struct RearrangeSpec : PatternSpec {
  TensorRef from, to;
};

struct RearrangeInPlaceSpec : PatternSpec {
  TensorRef target;
};

void decode_pattern(const YamlNode& value, const FieldDecoder& decoder, PatternSpec& spec) {
  std::optional<std::string> text = decoder.text(value);
  if (!text) return;
  try {
    spec.pattern = parse_axis_pattern({*std::move(text), decoder.path(), value.span()});
  } catch (const Error& error) {
    decoder.context().diagnostics.add(error);
  }
}

void decode_sizes(const YamlNode& value, const FieldDecoder& decoder, PatternSpec& spec) {
  static const FieldTypePtr integer = scalar(Scalar::integer);
  if (!value.is_mapping()) return decoder.expected(value, "a mapping of names to integers");
  for (const auto& [name, size] : value.entries()) {
    const FieldDecoder item = decoder.at("." + name->text(), *integer);
    if (const std::optional<std::int64_t> decoded = item.integer(*size))
      spec.sizes.push_back({name->text(), *decoded, item.path(), name->span()});
  }
}

template <typename Spec>
void add_pattern_fields(SchemaBuilder<Spec>& schema) {
  schema.custom("pattern", scalar(Scalar::text), decode_pattern)
      .require()
      .doc("The dimensions before and behind '->'.");
  schema.custom("sizes", mapping_of(scalar(Scalar::integer)), decode_sizes)
      .doc("The sizes of axes; one of each dimension is inferred.");
  schema.check([](const Spec& spec) -> std::optional<FieldProblem> {
    check_sizes(*spec.pattern, spec.sizes);
    return std::nullopt;
  });
}

Expr rearranged(const Expr& base, const PatternSpec& spec) {
  const Arrangement steps = arrange(*spec.pattern, spec.sizes, base.shape());
  const Expr permuted = permute(reshape(base, steps.split), steps.order);
  return reshape(broadcast(reshape(permuted, steps.spaced), steps.repeated), steps.joined);
}

constexpr const char* kRearrangeInPlace = "rearrange_";

// The axes of a dimension that the other way round has to be cut: all but one need a size.
void require_axis_sizes(const AxisPattern::Dimension& dimension, const YamlNode* sizes, const WrittenStep& written) {
  std::vector<std::string> unknown;
  for (const AxisPattern::Axis& axis : dimension.axes) {
    if (axis.is_ellipsis && dimension.axes.size() > 1) cannot_undo(written, "its '...' is joined with other axes");
    if (!axis.name.empty() && (sizes == nullptr || sizes->find(axis.name) == nullptr)) unknown.push_back(axis.name);
  }
  if (unknown.size() > 1)
    cannot_undo(written, fmt::format("the sizes of '{}' and '{}' are not both known; 'sizes' may say one more", unknown[0],
                                     unknown[1]));
}

UndoingStep rearranged_back(const WrittenStep& written) {
  const YamlPtr text = written_field(written, "pattern");
  const AxisPattern pattern = parse_axis_pattern({text->text(), "rearrange_.pattern", text->span()});
  std::set<std::string> left;
  for (const AxisPattern::Dimension& dimension : pattern.left) {
    for (const AxisPattern::Axis& axis : dimension.axes) left.insert(axis.name);
  }
  for (const AxisPattern::Dimension& dimension : pattern.right) {
    require_axis_sizes(dimension, written.payload.find("sizes"), written);
    for (const AxisPattern::Axis& axis : dimension.axes) {
      if (axis.is_ellipsis || (axis.name.empty() ? axis.size == 1 : left.contains(axis.name))) continue;
      cannot_undo(written, "it repeats elements");
    }
  }
  const std::size_t arrow = text->text().find("->");
  std::string back = fmt::format("{} -> {}", trim(text->text().substr(arrow + 2)), trim(text->text().substr(0, arrow)));
  return {kRearrangeInPlace, payload_with(written, "pattern", YamlNode::text(text->span(), std::move(back))), facts_of_shape()};
}

constexpr const char* kRearrangeDetails =
    "The notation of einops: each side lists the dimensions, outermost first, by names of axes. Axes in parentheses "
    "make one dimension together, the last one fastest; `1` and `()` are a dimension of size 1, `...` any number of "
    "dimensions. An axis that only the right side has repeats the elements, as often as `sizes` or a number in its "
    "place says. No element is dropped.";

}  // namespace

void add_rearrange(StepRegistry& registry) {
  SchemaBuilder<RearrangeSpec> copying(
      "rearrange",
      {"Copies tensors with their dimensions split, permuted and joined by a pattern.", kRearrangeDetails,
       "rearrange: {from: 'h\\.(\\d+)\\.attn\\.c_attn\\.weight', to: 'h.\\1.qkv', pattern: 'x (three h d) -> three h d x', "
       "sizes: {three: 3, h: 4}}"});
  copying.called_elsewhere({"einops", "repeat", "tile", "expand", "repeat_interleave"});
  copying.reference(&RearrangeSpec::from, "from", roles::source()).doc("The tensors to rearrange.");
  copying.reference(&RearrangeSpec::to, "to", roles::created()).doc("The new name.");
  add_pattern_fields(copying);
  registry.add(make_edit<RearrangeSpec>(copying, [](const RearrangeSpec& spec, const Row& row) {
                 return std::vector{rearranged(row.one(0), spec)};
               }).undone_by(undone_by_deleting));

  SchemaBuilder<RearrangeInPlaceSpec> in_place(
      kRearrangeInPlace, {"Splits, permutes and joins the dimensions of tensors by a pattern.", kRearrangeDetails,
                     "rearrange_: {target: 'h\\.\\d+\\.attn\\.c_attn\\.bias', pattern: '(h two d) -> (h d two)', sizes: "
                     "{h: 4, two: 2}}"});
  in_place.reference(&RearrangeInPlaceSpec::target, "target", roles::rebuilt()).doc("The tensors to rearrange.");
  add_pattern_fields(in_place);
  registry.add(make_edit<RearrangeInPlaceSpec>(in_place, [](const RearrangeInPlaceSpec& spec, const Row& row) {
                 return std::vector{rearranged(row.one(0), spec)};
               }).undone_by(rearranged_back));
}

}  // namespace brainsurgery
