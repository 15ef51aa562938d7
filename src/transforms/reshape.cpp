// reshape, reshape_, permute, permute_: the same elements in another arrangement.
#include <fmt/format.h>

#include <algorithm>

#include "transforms/families.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

struct ShapeSpec {
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<TensorRef> like;
};

struct ReshapeSpec : ShapeSpec {
  TensorRef from, to;
};

struct ReshapeInPlaceSpec : ShapeSpec {
  TensorRef target;
};

struct PermuteSpec {
  TensorRef from, to;
  std::vector<std::int64_t> order;
};

struct PermuteInPlaceSpec {
  TensorRef target;
  std::vector<std::int64_t> order;
};

std::optional<FieldProblem> problem_of_shape(const ShapeSpec& spec) {
  if (!spec.shape) return std::nullopt;
  if (spec.like) return FieldProblem{"like", "the sizes are those of 'shape'; name one of the two"};
  const std::vector<std::int64_t>& shape = *spec.shape;
  if (std::ranges::count(shape, -1) > 1) return FieldProblem{"shape", "at most one size may be -1 (inferred)"};
  const auto bad = std::ranges::find_if(shape, [](std::int64_t size) { return size == 0 || size < -1; });
  if (bad != shape.end())
    return FieldProblem{"shape", fmt::format("sizes must be positive, or -1 for one that is inferred; found {}", *bad)};
  return std::nullopt;
}

template <typename Spec>
void add_shape_fields(SchemaBuilder<Spec>& schema) {
  schema.field(static_cast<std::optional<std::vector<std::int64_t>> Spec::*>(&ShapeSpec::shape), "shape")
      .doc("The new sizes.");
  schema.reference(static_cast<std::optional<TensorRef> Spec::*>(&ShapeSpec::like), "like", roles::paired_source())
      .doc("The tensor that has them.");
  schema.needs_one_of({"shape", "like"});
  schema.check([](const Spec& spec) { return problem_of_shape(spec); });
}

// `like` is the second tensor that is read.
Expr reshaped(const ShapeSpec& spec, const Row& row) {
  return reshape(row.one(0), spec.like ? row.one(1).shape() : *spec.shape);
}

std::optional<FieldProblem> problem_of_order(const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> sorted = order;
  std::ranges::sort(sorted);
  for (std::int64_t i = 0; i < std::ssize(sorted); ++i) {
    if (sorted[i] != i)
      return FieldProblem{
          "order", fmt::format("[{}] is not a permutation of 0 to {}", fmt::join(order, ", "), sorted.size() - 1)};
  }
  return std::nullopt;
}

Expr permuted(const Row& row, const std::vector<std::int64_t>& order) {
  return permute(row.one(0), std::vector<int>(order.begin(), order.end()));
}

constexpr const char* kPermuteInPlace = "permute_";

UndoingStep permuted_back(const WrittenStep& written) {
  const YamlPtr order = written_field(written, "order");
  const std::vector<std::int64_t> there = written_integers(*order);
  if (there.empty() || problem_of_order(there)) cannot_undo(written, "its 'order' is not written out");
  YamlItems back(there.size());
  for (std::size_t i = 0; i < there.size(); ++i)
    back[static_cast<std::size_t>(there[i])] = YamlNode::plain(order->span(), std::to_string(i));
  return {kPermuteInPlace, payload_with(written, "order", YamlNode::sequence(order->span(), std::move(back))), {"shape"}};
}

constexpr const char* kOrder =
    "'order' names every dimension once, counted from 0; [1, 0] transposes a matrix. The result is stored in row-major "
    "order.";

constexpr const char* kReshapeDetails =
    "The elements keep their row-major order and their number; one size may be -1 and is inferred.";

}  // namespace

void add_reshape(StepRegistry& registry) {
  SchemaBuilder<ReshapeSpec> copying(
      "reshape", {"Copies tensors into another shape.", kReshapeDetails,
                  "reshape: {from: 'h\\.(\\d+)\\.attn\\.c_attn\\.bias', to: 'h.\\1.attn.biases', shape: [3, -1]}"});
  copying.called_elsewhere({"view", "flatten", "squeeze", "unsqueeze"});
  copying.reference(&ReshapeSpec::from, "from", roles::source()).doc("The tensors to reshape.");
  copying.reference(&ReshapeSpec::to, "to", roles::created()).doc("The new name.");
  add_shape_fields(copying);
  registry.add(make_edit<ReshapeSpec>(copying, [](const ReshapeSpec& spec, const Row& row) {
                 return std::vector{reshaped(spec, row)};
               }).undone_by(undone_by_deleting));

  SchemaBuilder<ReshapeInPlaceSpec> in_place("reshape_", {"Gives tensors another shape.", kReshapeDetails,
                                                          "reshape_: {target: '.+\\.ln_1\\.weight', shape: [1, -1]}"});
  in_place.reference(&ReshapeInPlaceSpec::target, "target", roles::rebuilt()).doc("The tensors to reshape.");
  add_shape_fields(in_place);
  registry.add(make_edit<ReshapeInPlaceSpec>(in_place, [](const ReshapeInPlaceSpec& spec, const Row& row) {
                 return std::vector{reshaped(spec, row)};
               }).undone_by([](const WrittenStep& written) -> UndoingStep {
    cannot_undo(written, "nothing says which shape the tensors had; rearrange_ does, by the names of axes");
  }));
}

void add_permute(StepRegistry& registry) {
  SchemaBuilder<PermuteSpec> copying(
      "permute", {"Copies tensors with their dimensions in another order.", kOrder,
                  "permute: {from: 'h\\.(\\d+)\\.mlp\\.c_fc\\.weight', to: 'h.\\1.mlp.up.weight', order: [1, 0]}"});
  copying.called_elsewhere({"transpose", "swapaxes", "t"});
  copying.reference(&PermuteSpec::from, "from", roles::source()).doc("The tensors to permute.");
  copying.reference(&PermuteSpec::to, "to", roles::created()).doc("The new name.");
  copying.field(&PermuteSpec::order, "order").require().doc("Source dimension for each output position.");
  copying.check([](const PermuteSpec& spec) { return problem_of_order(spec.order); });
  registry.add(make_edit<PermuteSpec>(copying, [](const PermuteSpec& spec, const Row& row) {
                 return std::vector{permuted(row, spec.order)};
               }).undone_by(undone_by_deleting));

  SchemaBuilder<PermuteInPlaceSpec> in_place(
      kPermuteInPlace, {"Puts the dimensions of tensors in another order.", kOrder,
                   "permute_: {target: 'h\\.\\d+\\.mlp\\.c_fc\\.weight', order: [1, 0]}"});
  in_place.reference(&PermuteInPlaceSpec::target, "target", roles::rebuilt()).doc("The tensors to permute.");
  in_place.field(&PermuteInPlaceSpec::order, "order").require().doc("Source dimension for each output position.");
  in_place.check([](const PermuteInPlaceSpec& spec) { return problem_of_order(spec.order); });
  registry.add(make_edit<PermuteInPlaceSpec>(in_place, [](const PermuteInPlaceSpec& spec, const Row& row) {
                 return std::vector{permuted(row, spec.order)};
               }).undone_by(permuted_back));
}

}  // namespace brainsurgery
