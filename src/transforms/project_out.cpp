// project_out_: matrices without what they write to, or read from, a direction.
#include <fmt/format.h>

#include "transforms/families.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

enum class Side : std::uint8_t { out, in };

struct ProjectSpec {
  TensorRef target, direction;
  Side side = Side::out;
};

// W - r (r^T W), or W - (W r) r^T, for every matrix W of the last two dimensions.
Expr projected(const ProjectSpec& spec, const Expr& target, const Expr& direction) {
  require_floating(target, "a projection");
  require_floating(direction, "a direction");
  const Shape& shape = target.shape();
  const std::int64_t rank = std::ssize(shape);
  if (rank < 2)
    throw Error(ErrorCode::plan, fmt::format("a matrix is needed, not shape {}", to_string(shape)));
  const bool rows = spec.side == Side::out;
  const int axis = static_cast<int>(rows ? rank - 2 : rank - 1);
  const std::int64_t size = shape[static_cast<std::size_t>(axis)];
  if (direction.shape() != Shape{size}) {
    throw Error(ErrorCode::plan,
                fmt::format("project_out_.direction: has shape {}, side '{}' of shape {} needs [{}]",
                            to_string(direction.shape()), rows ? "out" : "in", to_string(shape), size),
                spec.direction.span);
  }
  const DType computing = computing_dtype(target.dtype());
  const Expr wide = cast(target, computing), given = cast(direction, computing);
  const Expr unit = reshape(map(operation("divide"), {given, reduce(reducer("norm"), {given})}),
                            rows ? Shape{size, 1} : Shape{size});
  const Expr share = reduce(reducer("dot"), {wide, unit}, {axis}, true);
  const Expr along = map(operation("multiply"), {share, unit});
  return cast(map(operation("subtract"), {wide, along}), target.dtype());
}

constexpr const char* kProjectOutDetails =
    "With r the direction over its norm, side `out` gives W - r (r^T W): nothing of r is left in what the matrix writes, "
    "where its rows are outputs. Side `in` gives W - (W r) r^T: nothing of r is read. Matrices are the last two "
    "dimensions, so experts that are stacked take one step. Computed in float32, of float64 in float64; sums of products "
    "are added in float64, and the result is rounded once to the dtype. A direction of norm 0 makes NaN.";

}  // namespace

void add_project_out(StepRegistry& registry) {
  SchemaBuilder<ProjectSpec> schema(
      "project_out_", {"Takes the projection on a direction away from matrices.", kProjectOutDetails,
                       "project_out_: {target: 'h\\.\\d+\\.mlp\\.c_proj\\.weight', direction: refusal, side: in}",
                       "- rand: {target: 'refusal', shape: [32], seed: 5}"});
  schema.called_elsewhere({"project_out", "ablate", "abliterate", "orthogonalize", "orthogonalise"});
  schema.reference(&ProjectSpec::target, "target", roles::in_place()).doc("The matrices.");
  schema.reference(&ProjectSpec::direction, "direction", roles::paired_source())
      .doc("The direction, a vector of any norm.");
  schema.choice(&ProjectSpec::side, "side", {"out", "in"})
      .require()
      .doc("out: the direction has an entry for each row; in: for each column.");
  registry.add(make_edit<ProjectSpec>(schema, [](const ProjectSpec& spec, const Row& row) {
    return std::vector{projected(spec, row.one(0), row.one(1))};
  }));
}

}  // namespace brainsurgery
