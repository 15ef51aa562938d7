// sum, mean, norm, min, max, var: few numbers out of many; normalize_: tensors over their norms.
#include <fmt/format.h>

#include <cmath>

#include "brainsurgery/error.h"
#include "transforms/families.h"
#include "transforms/integers_field.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

struct ReductionSpec {
  TensorRef from, to;
  std::vector<std::int64_t> dim;
  bool keepdim = false;
  std::optional<DType> in;
  std::optional<double> number;  // of a reducer that takes one
};

struct NormalizeSpec {
  TensorRef target;
  std::vector<std::int64_t> dim;
  double p = 2, to = 1, eps = 0;
};

struct ReductionWords {
  std::string summary, rules, example;
  std::vector<std::string> elsewhere;
};

constexpr const char* kDimensions =
    "`dim` names the dimensions that disappear; without it all do, and the result is a scalar. ";
constexpr const char* kFloats =
    "Floats are added in float64, in an order that depends on the shape alone, and rounded once to their dtype. ";

template <typename Spec>
Field& add_dimensions(SchemaBuilder<Spec>& schema) {
  return add_integers(schema, &Spec::dim, "dim", "dimension");
}

std::vector<int> axes_of(const std::vector<std::int64_t>& dim, const Shape& shape) {
  std::vector<int> axes;
  for (const std::int64_t one : dim) axes.push_back(resolve_dim(one, shape));
  return axes;
}

// With `in`, the result has the dtype of the source again if that is a floating one.
Expr reduced(const Reducer& reducer, const ReductionSpec& spec, const Expr& from) {
  const Expr operand = spec.in ? cast(from, *spec.in) : from;
  Expr result = reduce(reducer, {operand}, axes_of(spec.dim, from.shape()), spec.keepdim,
                       {.numbers = {spec.number}});
  return spec.in && is_floating(from.dtype()) ? cast(std::move(result), from.dtype()) : result;
}

SchemaBuilder<ReductionSpec> reduction_schema(const Reducer& reducer, const ReductionWords& words) {
  SchemaBuilder<ReductionSpec> schema(std::string(reducer.name),
                                      {words.summary, kDimensions + words.rules, words.example});
  schema.called_elsewhere(words.elsewhere);
  schema.reference(&ReductionSpec::from, "from", roles::source()).doc("The tensors to reduce.");
  schema.reference(&ReductionSpec::to, "to", roles::created()).doc("The new name.");
  add_dimensions(schema)
      .defaults_to("all of them")
      .doc("The dimensions that disappear; negative ones count from the end.");
  schema.field(&ReductionSpec::keepdim, "keepdim")
      .defaults_to("false")
      .doc("Whether dimensions that are reduced stay, of size 1.");
  return schema;
}

void add_computing_dtype(SchemaBuilder<ReductionSpec>& schema) {
  schema.field(&ReductionSpec::in, "in")
      .doc("Convert the elements to this dtype first; the result is rounded back to a floating dtype, else it stays.");
}

Step make_reduction(const Reducer& reducer, const SchemaBuilder<ReductionSpec>& schema) {
  return make_edit<ReductionSpec>(schema, [&reducer](const ReductionSpec& spec, const Row& row) {
    return std::vector{reduced(reducer, spec, row.one(0))};
  });
}

Step sum_or_mean(const char* name, const ReductionWords& words) {
  SchemaBuilder<ReductionSpec> schema = reduction_schema(reducer(name), words);
  add_computing_dtype(schema);
  return make_reduction(reducer(name), schema);
}

Step extreme(const char* name, const ReductionWords& words) {
  return make_reduction(reducer(name), reduction_schema(reducer(name), words));
}

bool is_order(double p) { return p == 1 || p == 2 || (std::isinf(p) && p > 0); }

std::optional<FieldProblem> problem_of_order(double p) {
  if (is_order(p)) return std::nullopt;
  return FieldProblem{"p", fmt::format("must be 1, 2 or .inf, found {}", p)};
}

Step norm() {
  SchemaBuilder<ReductionSpec> schema = reduction_schema(
      reducer("norm"),
      {"Writes the norms of tensors to new names.",
       "The sum of magnitudes (p = 1), the root of the sum of squares (p = 2) or the largest magnitude (p = .inf), "
       "in float64 and rounded once to the dtype. Integers need `in`.",
       "norm: {from: 'h\\.(\\d+)\\.mlp\\.c_fc\\.weight', to: 'h.\\1.mlp.c_fc.norm', dim: 1, keepdim: true}",
       {"l2norm", "vector_norm"}});
  schema.field(&ReductionSpec::number, "p").defaults_to("2").doc("1, 2 or .inf.");
  add_computing_dtype(schema);
  schema.check([](const ReductionSpec& spec) { return problem_of_order(spec.number.value_or(2)); });
  return make_reduction(reducer("norm"), schema);
}

Step variance() {
  SchemaBuilder<ReductionSpec> schema = reduction_schema(
      reducer("var"), {"Writes the variances of tensors to new names.",
                       "The divisor is the number of elements less `correction`. Integers need `in`.",
                       "var: {from: 'wte.weight', to: 'wte.var', dim: 0}",
                       {"variance"}});
  schema.field(&ReductionSpec::number, "correction").defaults_to("1").doc("What the divisor is less.");
  add_computing_dtype(schema);
  schema.check([](const ReductionSpec& spec) -> std::optional<FieldProblem> {
    if (std::isfinite(spec.number.value_or(1))) return std::nullopt;
    return FieldProblem{"correction", "must be a finite number"};
  });
  return make_reduction(reducer("var"), schema);
}

// target * to / max(norm, eps), from one dtype in another.
Expr normalized(const NormalizeSpec& spec, const Expr& target) {
  if (!is_floating(target.dtype())) {
    throw Error(ErrorCode::plan, fmt::format("norms are not defined for dtype {}; cast to a floating dtype first",
                                             to_string(target.dtype())));
  }
  if (element_count(target.shape()) == 0) return target;
  const DType computing = computing_dtype(target.dtype());
  const Expr wide = cast(target, computing);
  const std::vector<int> axes = axes_of(spec.dim, target.shape());
  Expr size = reduce(reducer("norm"), {wide}, axes, true, {.numbers = {spec.p}});
  if (spec.eps > 0) size = map(operation("clamp"), {size}, {.numbers = {spec.eps}});
  Expr result = map(operation("divide"), {wide, size});
  if (spec.to != 1) result = map(operation("scale"), {result}, {.numbers = {spec.to}});
  return cast(std::move(result), target.dtype());
}

Step normalize() {
  SchemaBuilder<NormalizeSpec> schema(
      "normalize_",
      {"Divides tensors by their norms.",
       "Each part along the dimensions `dim` gets the norm `to`; without `dim` the whole tensor. Computed in float32, "
       "of float64 in float64, and rounded once to the dtype. A norm below `eps` counts as eps; with eps 0 parts of "
       "norm 0 become NaN.",
       "normalize_: {target: 'wte.weight', dim: 1, eps: 1e-12}"});
  schema.called_elsewhere({"normalize", "normalise", "normalise_", "l2_normalize", "unit_norm"});
  schema.reference(&NormalizeSpec::target, "target", roles::in_place()).doc("The tensors that are changed.");
  add_dimensions(schema).defaults_to("all of them").doc("The dimensions along which norms are taken.");
  schema.field(&NormalizeSpec::p, "p").defaults_to("2").doc("The order of the norm: 1, 2 or .inf.");
  schema.field(&NormalizeSpec::to, "to").defaults_to("1").doc("The norm that results.");
  schema.field(&NormalizeSpec::eps, "eps").defaults_to("0").doc("The least divisor.");
  schema.check([](const NormalizeSpec& spec) -> std::optional<FieldProblem> {
    if (const auto problem = problem_of_order(spec.p)) return problem;
    if (!std::isfinite(spec.to)) return FieldProblem{"to", "must be a finite number"};
    if (!std::isfinite(spec.eps) || spec.eps < 0)
      return FieldProblem{"eps", "must be a finite number that is not negative"};
    return std::nullopt;
  });
  return make_edit<NormalizeSpec>(schema, [](const NormalizeSpec& spec, const Row& row) {
    return std::vector{normalized(spec, row.one(0))};
  });
}

}  // namespace

void add_reductions(StepRegistry& registry) {
  const std::string sums = std::string(kFloats) + "Of integers and bools the result is int64, and wraps.";
  registry.add(sum_or_mean("sum", {"Writes the sums of tensors to new names.", sums,
                                   "sum: {from: 'wte.weight', to: 'wte.sum', dim: 0}",
                                   {"total", "reduce_sum"}}));
  const std::string means = std::string(kFloats) + "Integers need `in`.";
  registry.add(sum_or_mean("mean", {"Writes the means of tensors to new names.", means,
                                    "mean: {from: 'wte.weight', to: 'wte.mean', dim: 0, keepdim: true}",
                                    {"average", "avg", "reduce_mean"}}));
  registry.add(norm());
  registry.add(extreme("min", {"Writes the smallest elements of tensors to new names.",
                               "The dtype is kept. NaN if one element is; -0.0 is below 0.0.",
                               "min: {from: 'wte.weight', to: 'wte.min'}",
                               {"amin", "minimum", "reduce_min"}}));
  registry.add(extreme("max", {"Writes the largest elements of tensors to new names.",
                               "The dtype is kept. NaN if one element is; -0.0 is below 0.0.",
                               "max: {from: 'wte.weight', to: 'wte.max', dim: [0, 1]}",
                               {"amax", "maximum", "reduce_max"}}));
  registry.add(variance());
  registry.add(normalize());
}

}  // namespace brainsurgery
