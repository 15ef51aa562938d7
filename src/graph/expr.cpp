// Construction of expressions: every make function checks shapes and dtypes, folds what needs no node, and builds one.
#include "brainsurgery/expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/checked_math.h"
#include "brainsurgery/error.h"
#include "graph/make.h"
#include "types/max_rank.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

}  // namespace

Expr make(TensorDesc desc, NodeKind kind) {
  if (desc.shape.size() > kMaxRank)
    refuse(fmt::format("a tensor has at most {} dimensions, not {}", kMaxRank, desc.shape.size()));
  // A tensor of a file is as large as its file says.
  const bool of_file = std::holds_alternative<nodes::Source>(kind) || std::holds_alternative<nodes::Unreadable>(kind);
  if (!of_file) static_cast<void>(byte_count(desc.dtype, desc.shape));
  return Expr(std::make_shared<const Node>(std::move(desc), std::move(kind)));
}

namespace {

// Parts of a tensor are found by byte arithmetic, which types below 8 bits do not have.
void require_whole_bytes(const char* what, DType dtype) {
  if (info(dtype).bits % 8 != 0) {
    refuse(fmt::format("{} is not defined for dtype {}, whose elements are not whole bytes", what, to_string(dtype)));
  }
}

}  // namespace

Node::Node(TensorDesc desc, NodeKind kind) : desc_(std::move(desc)), kind_(std::move(kind)), depth_(1) {
  for (const Expr& operand : operands(*this)) {
    require_readable(operand, "an operand");
    depth_ = std::max(depth_, operand.node().depth() + 1);
  }
}

Node::~Node() {
  // Operands whose last handle is this node are moved to a list and released one by one, so that a chain of any length
  // does not recurse through destructors.
  std::vector<std::shared_ptr<const Node>> doomed;
  const auto take = [&doomed](Node& node) {
    const auto each = [&doomed](Expr& operand) {
      if (operand) doomed.push_back(operand.release());
    };
    std::visit(
        [&each](auto& kind) {
          if constexpr (requires { kind.base; }) each(kind.base);
          if constexpr (requires { kind.a.release(); }) each(kind.a);
          if constexpr (requires { kind.b.release(); }) each(kind.b);
          if constexpr (requires { kind.index; }) each(kind.index);
          if constexpr (requires { kind.value; }) each(kind.value);
          if constexpr (requires { kind.parts; }) std::ranges::for_each(kind.parts, each);
        },
        node.kind_);
  };
  take(*this);
  while (!doomed.empty()) {
    const std::shared_ptr<const Node> node = std::move(doomed.back());
    doomed.pop_back();
    // The last owner may dismantle a node that nobody can see any more.
    if (node.use_count() == 1) take(const_cast<Node&>(*node));
  }
}

bool is_new(const Expr& expr) { return expr.node_.use_count() == 1; }

void sign(const Expr& expr, MakerPtr maker) {
  BS_CHECK(is_new(expr));  // so that nobody sees the node change
  const_cast<Node&>(expr.node()).maker_ = std::move(maker);
}

std::vector<Expr> operands(const Node& node) {
  return std::visit(
      [](const auto& kind) -> std::vector<Expr> {
        std::vector<Expr> result;
        if constexpr (requires { kind.base; }) result.push_back(kind.base);
        if constexpr (requires { kind.a.node(); }) result.push_back(kind.a);
        if constexpr (requires { kind.b.node(); }) result.push_back(kind.b);
        if constexpr (requires { kind.index; }) result.push_back(kind.index);
        if constexpr (requires { kind.value; }) result.push_back(kind.value);
        if constexpr (requires { kind.parts; }) result = kind.parts;
        return result;
      },
      node.kind());
}

Expr source(std::shared_ptr<const ReadableFile> file, std::int64_t offset, TensorDesc desc,
            std::vector<std::int64_t> strides) {
  BS_CHECK(strides.empty() || strides.size() == desc.shape.size());
  if (!strides.empty() && is_packed(desc.shape, strides)) strides.clear();
  BS_CHECK(strides.empty() || info(desc.dtype).bits % 8 == 0);
  return make(std::move(desc), nodes::Source{std::move(file), offset, std::move(strides)});
}

Expr literal(TensorDesc desc, std::vector<std::byte> bytes) {
  BS_CHECK(static_cast<std::int64_t>(bytes.size()) == byte_count(desc.dtype, desc.shape));
  return make(std::move(desc), nodes::Literal{std::move(bytes)});
}

namespace {

Expr random_node(TensorDesc desc, nodes::Random node) {
  if (!is_floating(desc.dtype) || !info(desc.dtype).computes) {
    refuse(fmt::format("random values need a floating dtype, not {}", to_string(desc.dtype)));
  }
  return make(std::move(desc), node);
}

}  // namespace

Expr random(TensorDesc desc, nodes::Random::Distribution distribution, double a, double b, std::uint64_t seed) {
  return random_node(std::move(desc), {distribution, a, b, seed, std::nullopt});
}

Expr random(TensorDesc desc, nodes::Random::Distribution distribution, double a, double b, const CounterSeed& seed) {
  return random_node(std::move(desc), {distribution, a, b, seed.seed, seed.key});
}

Expr random_fractions(TensorDesc desc, const CounterSeed& seed) {
  BS_CHECK(desc.dtype == DType::F32 || desc.dtype == DType::F64);
  return random_node(std::move(desc), {nodes::Random::Distribution::fraction, 0, 1, seed.seed, seed.key});
}

Expr unreadable(TensorDesc desc, std::string form) { return make(std::move(desc), nodes::Unreadable{std::move(form)}); }

bool is_readable(const Expr& expr) { return !std::holds_alternative<nodes::Unreadable>(expr.node().kind()); }

void require_readable(const Expr& expr, std::string_view label) {
  if (is_readable(expr)) return;
  throw Error(ErrorCode::plan,
              fmt::format("{} is {} {}, whose elements this version does not read", label, form_of(expr),
                          to_string(expr.shape())),
              {}, {"delete it, or save it as an ordinary dense tensor where the file is made"});
}

std::string form_of(const Expr& expr) {
  const auto* node = std::get_if<nodes::Unreadable>(&expr.node().kind());
  return node == nullptr ? to_string(expr.dtype()) : node->form;
}

Expr slice(Expr base, Region region) {
  if (region.is_whole(base.shape())) return base;
  require_whole_bytes("a slice", base.dtype());
  TensorDesc desc{base.dtype(), region.shape()};
  return make(std::move(desc), nodes::Slice{std::move(base), std::move(region)});
}

Expr permute(Expr base, std::vector<int> order) {
  const Shape& shape = base.shape();
  std::vector<bool> seen(shape.size(), false);
  for (const int axis : order) {
    if (axis < 0 || std::cmp_greater_equal(axis, shape.size()) || seen[axis])
      refuse(fmt::format("order [{}] is not a permutation of the {} dimensions of shape {}", fmt::join(order, ", "),
                         shape.size(), to_string(shape)));
    seen[axis] = true;
  }
  if (order.size() != shape.size()) {
    refuse(fmt::format("order [{}] has {} axes, the tensor of shape {} has {} dimensions", fmt::join(order, ", "),
                       order.size(), to_string(shape), shape.size()));
  }
  if (std::ranges::is_sorted(order)) return base;
  require_whole_bytes("permute", base.dtype());
  TensorDesc desc{base.dtype(), {}};
  for (const int axis : order) desc.shape.push_back(shape[axis]);
  return make(std::move(desc), nodes::Permute{std::move(base), std::move(order)});
}

Expr reshape(Expr base, Shape shape) {
  const std::int64_t count = element_count(base.shape());
  const std::string wanted = to_string(shape);
  const auto inferred = std::ranges::find(shape, -1);
  if (inferred != shape.end()) {
    *inferred = 1;
    const std::int64_t rest = element_count(shape);
    if (rest == 0 || count % rest != 0) {
      refuse(fmt::format("cannot infer -1 in shape {}: {} elements of shape {} do not divide by {}", wanted, count,
                         to_string(base.shape()), rest));
    }
    *inferred = count / rest;
  }
  if (element_count(shape) != count) {
    refuse(fmt::format("shape {} has {} elements, the tensor of shape {} has {}", wanted, element_count(shape),
                       to_string(base.shape()), count));
  }
  if (shape == base.shape()) return base;
  TensorDesc desc{base.dtype(), std::move(shape)};
  return make(std::move(desc), nodes::Reshape{std::move(base)});
}

Expr broadcast(Expr base, Shape shape) {
  const Shape& from = base.shape();
  bool fits = from.size() <= shape.size();
  for (std::size_t i = 0; fits && i < from.size(); ++i) {
    const std::int64_t size = from[from.size() - 1 - i];
    fits = size == 1 || size == shape[shape.size() - 1 - i];
  }
  if (!fits) refuse(fmt::format("shape {} cannot be broadcast to shape {}", to_string(from), to_string(shape)));
  if (shape == from) return base;
  require_whole_bytes("broadcasting", base.dtype());
  TensorDesc desc{base.dtype(), std::move(shape)};
  return make(std::move(desc), nodes::Broadcast{std::move(base)});
}

// By PyTorch's rules.
Shape common_shape(const std::vector<Expr>& operands) {
  Shape shape = operands.front().shape();
  for (const Expr& operand : operands) {
    const Shape& other = operand.shape();
    if (other.size() > shape.size()) shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (std::size_t i = 0; i < other.size(); ++i) {
      std::int64_t& size = shape[shape.size() - other.size() + i];
      if (size == 1) size = other[i];
      if (other[i] != 1 && other[i] != size) {
        refuse(fmt::format("shapes {} and {} cannot be broadcast to one shape", to_string(operands.front().shape()),
                           to_string(other)));
      }
    }
  }
  return shape;
}

namespace {

// Whether no step computed the elements since a file made them from blocks.
bool is_read_from_blocks(Expr expr) {
  for (;;) {
    const NodeKind& kind = expr.node().kind();
    if (const auto* source = std::get_if<nodes::Source>(&kind)) return source->file && source->file->blocks() != nullptr;
    if (const auto* sliced = std::get_if<nodes::Slice>(&kind)) {
      expr = Expr(sliced->base);
    } else if (const auto* permuted = std::get_if<nodes::Permute>(&kind)) {
      expr = Expr(permuted->base);
    } else if (const auto* reshaped = std::get_if<nodes::Reshape>(&kind)) {
      expr = Expr(reshaped->base);
    } else {
      return false;
    }
  }
}

}  // namespace

Expr map(const Operation& operation, std::vector<Expr> operands, const Parameters& parameters) {
  BS_CHECK(operands.size() == operation.operands && operation.operands <= kMaxOperands);
  std::array<DType, kMaxOperands> dtypes{};
  std::ranges::transform(operands, dtypes.begin(), &Expr::dtype);
  TensorDesc desc{operation.result(operation, std::span(dtypes).first(operands.size()), parameters), {}};
  desc.shape = common_shape(operands);
  for (Expr& operand : operands) operand = broadcast(std::move(operand), desc.shape);
  return make(std::move(desc), nodes::Map{&operation, parameters, std::move(operands)});
}

Expr cast(Expr base, DType dtype) {
  static const Operation& conversion = operation("cast");
  if (base.dtype() == dtype && !is_read_from_blocks(base)) return base;
  return map(conversion, {std::move(base)}, {.numbers = {}, .dtype = dtype});
}

Expr concat(std::vector<Expr> parts, int dim) {
  BS_CHECK(!parts.empty() && dim >= 0 && std::cmp_less(dim, parts.front().shape().size()));
  TensorDesc desc = parts.front().desc();
  if (dim != 0) require_whole_bytes("concat along a dimension other than 0", desc.dtype);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const TensorDesc& part = parts[i].desc();
    if (part.dtype != desc.dtype) {
      refuse(fmt::format("source {} has dtype {}, source 0 has {}", i, to_string(part.dtype), to_string(desc.dtype)));
    }
    if (part.shape.size() != desc.shape.size()) {
      refuse(fmt::format("source {} has shape {}, source 0 has {}: ranks differ", i, to_string(part.shape),
                         to_string(parts.front().shape())));
    }
    for (std::size_t axis = 0; axis < part.shape.size(); ++axis) {
      if (std::cmp_not_equal(axis, dim) && part.shape[axis] != desc.shape[axis]) {
        refuse(fmt::format("source {} has shape {}, source 0 has {}: sizes differ outside dimension {}", i,
                           to_string(part.shape), to_string(parts.front().shape()), dim));
      }
    }
    desc.shape[dim] = checked_add(desc.shape[dim], part.shape[dim], "the size of the joined dimension");
  }
  if (parts.size() == 1) return parts.front();
  return make(std::move(desc), nodes::Concat{std::move(parts), dim});
}

Expr overwrite(Expr base, Region region, Expr value) {
  BS_CHECK(value.dtype() == base.dtype() && value.shape() == region.shape());
  if (region.is_whole(base.shape())) return value;
  if (element_count(value.shape()) == 0) return base;
  require_whole_bytes("writing to a part", base.dtype());
  TensorDesc desc = base.desc();
  return make(std::move(desc), nodes::Overwrite{std::move(base), std::move(region), std::move(value)});
}

namespace {

// torch.matmul's result shape; nullopt where the operands do not fit.
std::optional<Shape> matmul_shape(Shape a, Shape b) {
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a[a.size() - 1] != b[b.size() - 2]) return std::nullopt;
  const std::size_t batch_rank = std::max(a.size(), b.size()) - 2;
  Shape result(batch_rank);
  for (std::size_t i = 0; i < batch_rank; ++i) {
    const auto size_at = [i, batch_rank](const Shape& shape) {
      const std::size_t missing = batch_rank + 2 - shape.size();
      return i < missing ? std::int64_t{1} : shape[i - missing];
    };
    const std::int64_t x = size_at(a), y = size_at(b);
    if (x != y && x != 1 && y != 1) return std::nullopt;
    result[i] = x == 1 ? y : x;
  }
  if (!row) result.push_back(a[a.size() - 2]);
  if (!column) result.push_back(b[b.size() - 1]);
  return result;
}

}  // namespace

Expr matmul(Expr a, Expr b) {
  if (a.dtype() != b.dtype())
    refuse(fmt::format("dtypes differ: {} and {}", to_string(a.dtype()), to_string(b.dtype())));
  switch (a.dtype()) {
    case DType::F64:
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::I64:
    case DType::I32:
    case DType::I16:
    case DType::I8:
    case DType::U8:
      break;
    default:
      refuse(fmt::format("matmul is not defined for dtype {}{}", to_string(a.dtype()),
                         info(a.dtype()).computes ? "; cast first" : ""));
  }
  if (a.shape().empty() || b.shape().empty()) refuse("matmul needs operands of at least one dimension");
  std::optional<Shape> shape = matmul_shape(a.shape(), b.shape());
  if (!shape) refuse(fmt::format("shapes {} and {} do not fit for matmul", to_string(a.shape()), to_string(b.shape())));
  TensorDesc desc{a.dtype(), *std::move(shape)};
  return make(std::move(desc), nodes::Matmul{std::move(a), std::move(b)});
}

namespace {

// Ranks are rounded up to multiples of this: the block of vectors that an iteration works on, and what lets several
// ranks of one matrix share a decomposition.
constexpr std::int64_t kRankStep = 16;
// The iteration pays where the smaller side is at least so many times the number of singular values
// (tests/bench/phlora_bench.py).
constexpr std::int64_t kSidePerValue = 64;

bool is_exact(SingularMethod method, std::int64_t side, std::int64_t count) {
  return method == SingularMethod::automatic ? side / kSidePerValue < count : method == SingularMethod::exact;
}

Expr rectangle(const Expr& base, std::int64_t row, std::int64_t rows, std::int64_t columns) {
  return slice(base, Region{{{row, rows, 1, false}, {0, columns, 1, false}}});
}

}  // namespace

LowRank low_rank(Expr base, std::int64_t rank, SingularMethod method) {
  const TensorDesc matrix = base.desc();
  if (!is_floating(matrix.dtype) || !info(matrix.dtype).computes || info(matrix.dtype).bits < 16) {
    refuse(fmt::format("singular values are not defined for dtype {}{}", to_string(matrix.dtype),
                       info(matrix.dtype).computes ? "; cast to a floating dtype of at least 16 bits first" : ""));
  }
  if (matrix.shape.size() != 2) {
    refuse(fmt::format("only a matrix has a rank: 2 dimensions are needed, shape {} has {}", to_string(matrix.shape),
                       matrix.shape.size()));
  }
  const std::int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  const std::int64_t side = std::min(rows, columns);
  if (side == 0) refuse(fmt::format("a matrix without elements has no rank: shape {}", to_string(matrix.shape)));
  BS_CHECK(rank >= 1);
  const std::int64_t wanted = std::min(rank, side);
  const std::int64_t count = std::min((wanted + kRankStep - 1) / kRankStep * kRankStep, side);
  const std::int64_t height = checked_add(rows, columns, "the number of rows and columns");
  TensorDesc desc{DType::F64, {height, count}};
  const Expr factors =
      make(std::move(desc), nodes::SingularFactors{std::move(base), count, is_exact(method, side, count)});
  return {rectangle(factors, 0, rows, wanted), permute(rectangle(factors, rows, columns, wanted), {1, 0})};
}

}  // namespace brainsurgery
