// split, concat: one tensor into several along a dimension, and back.
#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct SplitSpec {
  TensorRef from;
  std::vector<TensorRef> to;
  std::vector<std::int64_t> sizes;
  std::int64_t dim = 0;
};

struct ConcatSpec {
  std::vector<TensorRef> from;
  TensorRef to;
  std::int64_t dim = 0;
};

// Counts from the end if negative.
int resolve_dim(std::int64_t dim, const Shape& shape) {
  const std::int64_t rank = std::ssize(shape);
  const std::int64_t resolved = dim < 0 ? dim + rank : dim;
  if (resolved < 0 || resolved >= rank) {
    throw Error(ErrorCode::plan, fmt::format("dim {} is out of range for shape {}", dim, to_string(shape)));
  }
  return static_cast<int>(resolved);
}

std::optional<FieldProblem> problem_of(const SplitSpec& spec) {
  if (spec.to.size() < 2)
    return FieldProblem{"to", fmt::format("needs at least two destinations, found {}", spec.to.size())};
  if (spec.sizes.size() != spec.to.size()) {
    return FieldProblem{"sizes", fmt::format("has {} sizes for {} destinations", spec.sizes.size(), spec.to.size())};
  }
  for (const std::int64_t size : spec.sizes) {
    if (size <= 0) return FieldProblem{"sizes", fmt::format("sizes must be positive, found {}", size)};
  }
  return std::nullopt;
}

std::vector<Expr> split(const SplitSpec& spec, const Row& row) {
  const Expr& whole = row.one(0);
  const int dim = resolve_dim(spec.dim, whole.shape());
  const std::int64_t available = whole.shape()[dim];
  std::int64_t rest = available;
  for (const std::int64_t size : spec.sizes) rest = size > rest ? -1 : rest - size;
  if (rest != 0) {
    throw Error(ErrorCode::plan, fmt::format("sizes [{}] do not add up to {}, the size of dimension {} of shape {}",
                                             fmt::join(spec.sizes, ", "), available, dim, to_string(whole.shape())));
  }
  std::vector<Expr> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : spec.sizes) {
    Region region;
    for (const std::int64_t full : whole.shape()) region.axes.push_back({0, full, 1, false});
    region.axes[dim].start = start;
    region.axes[dim].count = size;
    parts.push_back(slice(whole, std::move(region)));
    start += size;
  }
  return parts;
}

}  // namespace

void add_split_concat(StepRegistry& registry) {
  SchemaBuilder<SplitSpec> splitting(
      "split", {"Cuts one tensor into several along a dimension.",
                "The sizes must add up to the size of the dimension. The tensor that is cut stays.",
                "split: {from: 'h.0.attn.c_attn.weight', to: [q, k, v], sizes: [32, 32, 32], dim: 1}"});
  splitting.called_elsewhere({"chunk", "unbind", "cut"});
  splitting.reference(&SplitSpec::from, "from", roles::single_source())
      .doc("The tensor to cut; must match exactly one.");
  splitting.references(&SplitSpec::to, "to", roles::created_literal()).doc("The new names, at least two.");
  splitting.field(&SplitSpec::sizes, "sizes").require().doc("The size of each part.");
  splitting.field(&SplitSpec::dim, "dim").defaults_to("0").doc("The dimension; negative counts from the end.");
  splitting.check(problem_of);
  registry.add(make_edit<SplitSpec>(splitting, split));

  SchemaBuilder<ConcatSpec> joining(
      "concat", {"Joins tensors along a dimension.",
                 "Dtype, rank and the sizes of the other dimensions must be equal. The tensors that are joined stay.",
                 "concat: {from: ['h.0.ln_1.weight', 'h.0.ln_2.weight'], to: 'norms', dim: 0}"});
  joining.called_elsewhere({"cat", "concatenate", "join", "stack"});
  joining.references(&ConcatSpec::from, "from", roles::single_source())
      .doc("The tensors to join, at least two; each must match exactly one.");
  joining.reference(&ConcatSpec::to, "to", roles::created_literal()).doc("The new name.");
  joining.field(&ConcatSpec::dim, "dim").defaults_to("0").doc("The dimension; negative counts from the end.");
  joining.check([](const ConcatSpec& spec) -> std::optional<FieldProblem> {
    if (spec.from.size() < 2)
      return FieldProblem{"from", fmt::format("needs at least two sources, found {}", spec.from.size())};
    return std::nullopt;
  });
  registry.add(make_edit<ConcatSpec>(joining, [](const ConcatSpec& spec, const Row& row) {
    std::vector<Expr> parts;
    for (const Operand& operand : row.operands[0]) parts.push_back(operand.expr);
    const int dim = resolve_dim(spec.dim, parts.front().shape());
    return std::vector{concat(std::move(parts), dim)};
  }));
}

}  // namespace brainsurgery
