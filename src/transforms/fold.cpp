// fold: the scale and the bias of a norm, taken over by the linear layers behind it.
#include <fmt/format.h>

#include "transforms/families.h"
#include "transforms/numbers.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

struct FoldSpec {
  TensorRef norm;
  std::vector<TensorRef> into;
  std::int64_t offset = 0;
  std::int64_t dim = -1;
  std::optional<TensorRef> bias;
  std::vector<TensorRef> biases;
};

std::optional<FieldProblem> problem_of_fold(const FoldSpec& spec) {
  if (spec.offset != 0 && spec.offset != 1)
    return FieldProblem{"offset", fmt::format("must be 0 or 1, found {}", spec.offset)};
  if (!spec.bias && !spec.biases.empty()) return FieldProblem{"biases", "go with 'bias', that of the norm"};
  if (spec.bias && spec.biases.size() != spec.into.size()) {
    return FieldProblem{spec.biases.empty() ? "bias" : "biases",
                        fmt::format("needs in 'biases' one for each of the layers of 'into'; there are {} and {}",
                                    spec.biases.size(), spec.into.size())};
  }
  return std::nullopt;
}

// The elements of a vector along a dimension of the layer, in the dtype in which the layer is computed.
Expr along(const Expr& vector, const Expr& layer, int dim) {
  Shape shape(layer.shape().size() - static_cast<std::size_t>(dim), 1);
  shape.front() = vector.shape().front();
  return reshape(cast(vector, computing_dtype(layer.dtype())), shape);
}

// The dimension of layer `i` that meets the norm.
int inputs_of(const FoldSpec& spec, const Expr& norm, const Expr& layer, std::size_t i) {
  require_floating(layer, "a scale");
  const Shape& shape = layer.shape();
  const int dim = resolve_dim(spec.dim, shape);
  if (shape.size() >= 2 && norm.shape() == Shape{shape[static_cast<std::size_t>(dim)]}) return dim;
  throw Error(ErrorCode::plan,
              fmt::format("fold.into[{}]: a norm of shape {} does not fit dimension {} of shape {}", i,
                          to_string(norm.shape()), dim, to_string(shape)),
              spec.into[i].span);
}

Expr scaled(const FoldSpec& spec, const Expr& norm, const Expr& layer, std::size_t i) {
  const int dim = inputs_of(spec, norm, layer, i);
  Expr scale = along(norm, layer, dim);
  if (spec.offset != 0) scale = map(operation("add"), {scale, filled({scale.dtype(), {}}, ExactNumber{1, 1})});
  return cast(map(operation("multiply"), {cast(layer, scale.dtype()), scale}), layer.dtype());
}

// The bias of layer `i` and what the layer makes of the norm's bias.
Expr shifted(const FoldSpec& spec, const Expr& bias, const Expr& layer, const Expr& own, std::size_t i) {
  require_floating(own, "a bias");
  const int dim = inputs_of(spec, bias, layer, i);
  const Expr shift = along(bias, layer, dim);
  const Expr made = reduce(reducer("dot"), {cast(layer, shift.dtype()), shift}, {dim});
  if (own.shape() != made.shape()) {
    throw Error(ErrorCode::plan, fmt::format("fold.biases[{}]: has shape {}, the layer of shape {} needs {}", i,
                                             to_string(own.shape()), to_string(layer.shape()), to_string(made.shape())),
                spec.biases[i].span);
  }
  const DType computing = own.dtype() == DType::F64 ? DType::F64 : made.dtype();
  return cast(map(operation("add"), {cast(own, computing), cast(made, computing)}), own.dtype());
}

// In the order of the fields.
std::vector<Expr> folded(const FoldSpec& spec, const Row& row) {
  const Expr& norm = row.one(0);
  require_floating(norm, "a scale");
  const std::int64_t neutral = 1 - spec.offset;
  std::vector<Expr> results{filled(norm.desc(), ExactNumber{static_cast<double>(neutral), neutral})};
  const std::vector<Operand>& layers = row.operands[1];
  for (std::size_t i = 0; i < layers.size(); ++i) results.push_back(scaled(spec, norm, layers[i].expr, i));
  if (!spec.bias) return results;
  const Expr& bias = row.one(2);
  require_floating(bias, "a bias");
  results.push_back(filled(bias.desc(), ExactNumber{0, 0}));
  for (std::size_t i = 0; i < layers.size(); ++i)
    results.push_back(shifted(spec, bias, layers[i].expr, row.operands[3][i].expr, i));
  return results;
}

constexpr const char* kFoldDetails =
    "A layer with weights W behind a norm with scale g gets W times offset + g along the dimension of its inputs, and g "
    "becomes 1 - offset: 1, or 0 where the model stores g - 1. With `bias` each bias of `biases` gets W times the "
    "norm's bias more, with W as it was, and the norm's bias becomes 0. Computed in float32, of float64 in float64, sums "
    "of products in float64, and rounded once to the dtypes. `into` has to name everything that reads the norm: routers "
    "of experts too, and no layer whose weights something else reads, such as a tied head.";

Role changed() {
  Role role = roles::updated();
  role.slice = false;
  return role;
}

}  // namespace

void add_fold(StepRegistry& registry) {
  SchemaBuilder<FoldSpec> schema(
      "fold", {"Moves the scales of norms into the linear layers behind them.", kFoldDetails,
               "fold: {norm: 'h\\.(\\d+)\\.ln_1\\.weight', into: ['h.\\1.attn.c_attn.weight'], dim: 0, bias: "
               "'h.\\1.ln_1.bias', biases: ['h.\\1.attn.c_attn.bias']}"});
  schema.called_elsewhere({"fuse", "fold_norm", "absorb", "fuse_norm"});
  schema.reference(&FoldSpec::norm, "norm", roles::in_place_whole()).doc("The scales.");
  schema.references(&FoldSpec::into, "into", changed()).doc("The weights of all layers that read the norm.");
  schema.field(&FoldSpec::offset, "offset")
      .defaults_to("0")
      .doc("Of the scale that is stored: 0, or 1 where it is one less than the norm multiplies by.");
  schema.field(&FoldSpec::dim, "dim")
      .defaults_to("-1")
      .doc("The dimension of the layers' inputs; that of GPT-2's layers is 0.");
  schema.reference(&FoldSpec::bias, "bias", changed()).doc("The biases of the norms.");
  Field& biases = schema.references(&FoldSpec::biases, "biases", changed());
  biases.required = false;
  biases.doc("The biases of the layers, in the order of `into`.");
  schema.check(problem_of_fold);
  registry.add(make_edit<FoldSpec>(schema, folded));
}

}  // namespace brainsurgery
