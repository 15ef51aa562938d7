// interpolate_: other sizes of dimensions, and of grids that lie in one dimension.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "transforms/families.h"
#include "transforms/integers_field.h"
#include "transforms/interpolation.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

struct InterpolateSpec {
  TensorRef target;
  std::vector<std::int64_t> size, dims, grid;
  bool one_size = false;  // `size` is a number
  Interpolation::Mode mode = Interpolation::Mode::linear;
  std::optional<bool> align_corners;
  std::optional<std::int64_t> prefix;
};

std::optional<FieldProblem> problem_of_sizes(const InterpolateSpec& spec) {
  for (const auto& [field, sizes] : {std::pair("size", spec.size), std::pair("grid", spec.grid)}) {
    const auto bad = std::ranges::find_if(sizes, [](std::int64_t size) { return size < 1; });
    if (bad != sizes.end()) return FieldProblem{field, fmt::format("sizes must be positive, found {}", *bad)};
  }
  const std::size_t named = spec.grid.empty() ? spec.dims.size() : spec.grid.size();
  if (named > 0 && !spec.one_size && spec.size.size() != named) {
    return FieldProblem{"size", fmt::format("has {} sizes for {} dimensions{}", spec.size.size(), named,
                                            spec.grid.empty() ? "" : " of the grid")};
  }
  return std::nullopt;
}

std::optional<FieldProblem> problem_of_interpolate(const InterpolateSpec& spec) {
  if (const auto problem = problem_of_sizes(spec)) return problem;
  if (!spec.grid.empty() && spec.dims.size() > 1)
    return FieldProblem{"dims", fmt::format("a grid lies in one dimension, found {}", spec.dims.size())};
  if (spec.prefix && spec.grid.empty()) return FieldProblem{"prefix", "goes with 'grid'"};
  if (spec.prefix.value_or(0) < 0)
    return FieldProblem{"prefix", fmt::format("must not be negative, found {}", *spec.prefix)};
  if (spec.align_corners && spec.mode == Interpolation::Mode::nearest)
    return FieldProblem{"align_corners", "goes with the modes linear and bicubic"};
  return std::nullopt;
}

Interpolation interpolation_of(const InterpolateSpec& spec) { return {spec.mode, spec.align_corners.value_or(false)}; }

std::int64_t size_at(const InterpolateSpec& spec, std::size_t i) { return spec.size[spec.one_size ? 0 : i]; }

Expr with_dimensions_resized(const InterpolateSpec& spec, const Expr& base) {
  std::vector<std::int64_t> dims = spec.dims;
  for (std::int64_t i = std::ssize(spec.size); spec.dims.empty() && i > 0; --i) dims.push_back(-i);
  std::vector<Resize> sizes;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const int dim = resolve_dim(dims[i], base.shape());
    if (std::ranges::find(sizes, dim, &Resize::dim) != sizes.end())
      throw Error(ErrorCode::plan, fmt::format("dims [{}] name dimension {} of shape {} twice", fmt::join(dims, ", "),
                                               dim, to_string(base.shape())));
    sizes.push_back({dim, size_at(spec, i)});
  }
  return interpolate(base, sizes, interpolation_of(spec));
}

// A dimension that has `prefix` parts and behind them a grid, row by row.
Expr with_grid_resized(const InterpolateSpec& spec, const Expr& base) {
  const int dim = resolve_dim(spec.dims.empty() ? -2 : spec.dims.front(), base.shape());
  const auto at = static_cast<std::size_t>(dim);
  const std::int64_t size = base.shape()[at], prefix = spec.prefix.value_or(0), cells = element_count(spec.grid);
  if (size - cells != prefix) {
    throw Error(ErrorCode::plan,
                fmt::format("dimension {} of shape {} has {} parts, a prefix of {} and a grid of {} have {}", dim,
                            to_string(base.shape()), size, prefix, fmt::join(spec.grid, " x "), prefix + cells));
  }
  Shape open = base.shape(), closed = base.shape();
  open.erase(open.begin() + dim);
  open.insert(open.begin() + dim, spec.grid.begin(), spec.grid.end());
  std::vector<Resize> sizes;
  closed[at] = 1;
  for (std::size_t i = 0; i < spec.grid.size(); ++i) {
    sizes.push_back({dim + static_cast<int>(i), size_at(spec, i)});
    closed[at] *= size_at(spec, i);
  }
  const Expr resized =
      reshape(interpolate(reshape(part_along(base, dim, prefix, cells), open), sizes, interpolation_of(spec)), closed);
  return prefix == 0 ? resized : concat({part_along(base, dim, 0, prefix), resized}, dim);
}

constexpr const char* kInterpolateDetails =
    "The values are those of torch.nn.functional.interpolate without antialiasing, dimension by dimension from the last "
    "one: nearest elements, weighted means of two (`linear`, in two dimensions bilinear) or of four (`bicubic`). With "
    "`grid` the dimension holds `prefix` parts, which stay, and behind them a grid row by row, as position embeddings of "
    "vision models do. `linear` and `bicubic` are computed in float32, of float64 in float64, and rounded once to the "
    "dtype; `nearest` takes every dtype. Along an outer dimension nothing is held as a whole; along an inner one the "
    "tensor may be, and where several are resized, a resized copy of it for each element that is weighed.";

void add_size_fields(SchemaBuilder<InterpolateSpec>& schema) {
  add_integers(schema, &InterpolateSpec::size, "size", "size", &InterpolateSpec::one_size)
      .require()
      .doc("The new sizes; a number alone is that of every dimension.");
  schema.choice(&InterpolateSpec::mode, "mode", {"nearest", "linear", "bicubic"})
      .defaults_to("linear")
      .doc("How elements between others are made.");
  schema.field(&InterpolateSpec::align_corners, "align_corners")
      .defaults_to("false")
      .doc("Whether the first and the last elements stay, instead of the edges of the outer ones.");
  add_integers(schema, &InterpolateSpec::dims, "dims", "dimension")
      .defaults_to("the last ones, with grid -2")
      .doc("The dimensions; negative ones count from the end.");
  schema.field(&InterpolateSpec::grid, "grid").doc("The sizes of a grid that lies in one dimension, row by row.");
  schema.field(&InterpolateSpec::prefix, "prefix")
      .defaults_to("0")
      .doc("How many parts before the grid stay, class tokens for example.");
}

}  // namespace

void add_interpolate(StepRegistry& registry) {
  SchemaBuilder<InterpolateSpec> schema(
      "interpolate_", {"Resizes dimensions of tensors by interpolation.", kInterpolateDetails,
                       "interpolate_: {target: 'wpe.weight', size: 48, dims: 0, align_corners: true}"});
  schema.called_elsewhere({"interpolate", "upsample", "resample", "bilinear", "resize_pos_embed"});
  schema.reference(&InterpolateSpec::target, "target", roles::rebuilt()).doc("The tensors to resize.");
  add_size_fields(schema);
  schema.check(problem_of_interpolate);
  registry.add(make_edit<InterpolateSpec>(schema, [](const InterpolateSpec& spec, const Row& row) {
    const Expr& base = row.one(0);
    return std::vector{spec.grid.empty() ? with_dimensions_resized(spec, base) : with_grid_resized(spec, base)};
  }));
}

}  // namespace brainsurgery
