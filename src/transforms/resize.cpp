// resize_: more or fewer parts along one dimension.
#include <fmt/format.h>

#include <cmath>

#include "transforms/families.h"
#include "transforms/numbers.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

enum class Init : std::uint8_t { zero, mean, normal, copy };

struct ResizeSpec {
  TensorRef target;
  std::int64_t dim = 0;
  std::optional<std::int64_t> size, multiple_of;
  Init init = Init::zero;
  std::optional<double> std;
  std::optional<std::int64_t> seed;
  bool shrink = false;
};

std::optional<FieldProblem> problem_of_resize(const ResizeSpec& spec) {
  if (spec.size && spec.multiple_of) return FieldProblem{"multiple_of", "the size is given by 'size'; name one of the two"};
  if (spec.size && *spec.size < 1) return FieldProblem{"size", fmt::format("must be positive, found {}", *spec.size)};
  if (spec.multiple_of && *spec.multiple_of < 1)
    return FieldProblem{"multiple_of", fmt::format("must be positive, found {}", *spec.multiple_of)};
  if (spec.shrink && !spec.size) return FieldProblem{"shrink", "goes with 'size': a multiple is never smaller"};
  if (spec.std && spec.init != Init::normal) return FieldProblem{"std", "goes with 'init: normal'"};
  if (spec.std && !(*spec.std > 0 && std::isfinite(*spec.std)))
    return FieldProblem{"std", fmt::format("must be positive, found {}", *spec.std)};
  return std::nullopt;
}

std::int64_t new_size(const ResizeSpec& spec, std::int64_t size) {
  if (spec.size) return *spec.size;
  const std::int64_t rest = size % *spec.multiple_of;
  return rest == 0 ? size : size + (*spec.multiple_of - rest);
}

// Around 0, as wide as the elements of `base` are around their mean unless the plan says how wide.
Expr drawn_parts(const ResizeSpec& spec, const Row& row, const Expr& base, const Shape& shape) {
  require_floating(base, "a normal distribution");
  const CounterSeed seed{spec.seed ? static_cast<std::uint64_t>(*spec.seed) : row.seed(), row.key()};
  const auto normal = nodes::Random::Distribution::normal;
  if (spec.std) return random({base.dtype(), shape}, normal, 0, *spec.std, seed);
  const DType computing = computing_dtype(base.dtype());
  const Expr width = reduce(reducer("std"), {cast(base, computing)}, {}, false, {.numbers = {0.0}});
  const Expr draws = random({computing, shape}, normal, 0, 1, seed);
  return cast(map(operation("multiply"), {draws, width}), base.dtype());
}

// Up to so many copies are written one after another. Of more, `base` is held as a whole, which is small beside them.
constexpr std::int64_t kManyCopies = 64;

// `base` again and again, along a new dimension that is joined with the next one.
Expr broadcast_along(const Expr& base, int dim, std::int64_t times) {
  Shape spaced = base.shape(), repeated, joined = base.shape();
  spaced.insert(spaced.begin() + dim, 1);
  repeated = spaced;
  repeated[static_cast<std::size_t>(dim)] = times;
  joined[static_cast<std::size_t>(dim)] *= times;
  return reshape(broadcast(reshape(base, spaced), repeated), joined);
}

// The parts of `base` from the first on, `count` of them.
Expr repeated_parts(const Expr& base, int dim, std::int64_t count) {
  const std::int64_t size = base.shape()[static_cast<std::size_t>(dim)];
  const std::int64_t times = count / size, rest = count % size;
  std::vector<Expr> parts;
  if (times > kManyCopies) parts.push_back(broadcast_along(base, dim, times));
  if (times <= kManyCopies) parts.assign(static_cast<std::size_t>(times), base);
  if (rest > 0) parts.push_back(part_along(base, dim, 0, rest));
  return concat(std::move(parts), dim);
}

Expr added_parts(const ResizeSpec& spec, const Row& row, int dim, std::int64_t count) {
  const Expr& base = row.one(0);
  Shape shape = base.shape();
  if (spec.init != Init::zero && element_count(shape) == 0) {
    throw Error(ErrorCode::plan,
                fmt::format("shape {} has no elements to begin with; use 'init: zero'", to_string(shape)));
  }
  shape[static_cast<std::size_t>(dim)] = count;
  switch (spec.init) {
    case Init::zero:
      return filled({base.dtype(), shape}, ExactNumber{0, 0});
    case Init::mean:
      require_floating(base, "a mean");
      return broadcast(reduce(reducer("mean"), {base}, {dim}, true), shape);
    case Init::normal:
      return drawn_parts(spec, row, base, shape);
    case Init::copy:
      return repeated_parts(base, dim, count);
  }
  return base;
}

Expr resized(const ResizeSpec& spec, const Row& row) {
  const Expr& base = row.one(0);
  const int dim = resolve_dim(spec.dim, base.shape());
  const std::int64_t size = base.shape()[static_cast<std::size_t>(dim)], wanted = new_size(spec, size);
  if (wanted == size) return base;
  if (wanted > size) return concat({base, added_parts(spec, row, dim, wanted - size)}, dim);
  if (spec.shrink) return part_along(base, dim, 0, wanted);
  throw Error(ErrorCode::plan,
              fmt::format("dimension {} of shape {} is larger than {}", dim, to_string(base.shape()), wanted), {},
              {"with 'shrink: true' what is beyond is cut off"});
}

constexpr const char* kResizeDetails =
    "What exists stays where it is; new parts along the dimension go behind it. `init`: `zero`; `mean`, of the parts "
    "that exist, added in float64 and rounded once to the dtype; `normal`, draws around 0 with the standard deviation "
    "`std`, or with that of all elements around their mean (divided by their number, in float32, of float64 in float64), "
    "each rounded once; `copy`, the parts that exist from the first on, as often as needed. Draws depend on the seed, "
    "the name and the place alone. Nothing is held as a whole.";

}  // namespace

void add_resize(StepRegistry& registry) {
  SchemaBuilder<ResizeSpec> schema("resize_", {"Changes the size of one dimension of tensors.", kResizeDetails,
                                               "resize_: {target: 'wte.weight', multiple_of: 64, init: mean}"});
  schema.called_elsewhere({"resize", "pad", "pad_", "resize_token_embeddings", "grow", "extend"});
  schema.reference(&ResizeSpec::target, "target", roles::rebuilt()).doc("The tensors to resize.");
  schema.field(&ResizeSpec::dim, "dim").defaults_to("0").doc("The dimension; negative counts from the end.");
  schema.field(&ResizeSpec::size, "size").doc("The new size.");
  schema.field(&ResizeSpec::multiple_of, "multiple_of").doc("Up to the next multiple of this.");
  schema.choice(&ResizeSpec::init, "init", {"zero", "mean", "normal", "copy"})
      .defaults_to("zero")
      .doc("The elements of new parts.");
  schema.field(&ResizeSpec::std, "std")
      .defaults_to("that of the elements")
      .doc("normal: the standard deviation, positive.");
  schema.field(&ResizeSpec::seed, "seed")
      .doc("normal: without one it follows from the step's place and the tensor's name.");
  schema.flag(&ResizeSpec::shrink, "shrink").defaults_to("false").doc("Whether a smaller `size` cuts parts off the end.");
  schema.needs_one_of({"size", "multiple_of"});
  schema.check(problem_of_resize);
  registry.add(make_edit<ResizeSpec>(
      schema, [](const ResizeSpec& spec, const Row& row) { return std::vector{resized(spec, row)}; }));
}

}  // namespace brainsurgery
