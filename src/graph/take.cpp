// Construction of parts that an index names.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "brainsurgery/error.h"
#include "graph/make.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// Operations of longer chains are done for all parts.
constexpr int kShallow = 32;

[[noreturn]] void refuse_take(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// Of what is computed element by element only the parts that are wanted are computed.
class Taker {
 public:
  explicit Taker(const Expr& index) : index_(index) {}

  Expr take(const Expr& base, int dim) {
    const Expr result = base.node().depth() > kShallow ? node(base, dim) : taken(base, dim);
    return reads_index_ ? result : node(base, dim);  // somebody has to refuse_take what is out of range
  }

 private:
  // Once for a node: operations may have it as an operand in many places.
  Expr taken(const Expr& base, int dim) {
    Expr& known = known_[{base.get(), dim}];
    if (!known) known = make_taken(base, dim);
    return known;
  }
  Expr make_taken(const Expr& base, int dim) {
    if (const auto* map = as<nodes::Map>(base)) {
      nodes::Map parts{map->operation, map->parameters, {}};
      for (const Expr& part : map->parts) parts.parts.push_back(taken(part, dim));
      return make(desc_of(base, dim), std::move(parts));
    }
    if (const auto* repeated = as<nodes::Broadcast>(base)) {
      const int of_base = dim - static_cast<int>(std::ssize(base.shape()) - std::ssize(repeated->base.shape()));
      const bool is_repeated = of_base < 0 || repeated->base.shape()[static_cast<std::size_t>(of_base)] == 1;
      return broadcast(is_repeated ? repeated->base : taken(repeated->base, of_base), desc_of(base, dim).shape);
    }
    return node(base, dim);
  }
  Expr node(const Expr& base, int dim) {
    reads_index_ = true;
    return make(desc_of(base, dim), nodes::Take{base, index_, dim});
  }
  [[nodiscard]] TensorDesc desc_of(const Expr& base, int dim) const {
    TensorDesc desc = base.desc();
    desc.shape[static_cast<std::size_t>(dim)] = index_.shape().front();
    return desc;
  }

  const Expr& index_;
  std::map<std::pair<const Node*, int>, Expr> known_;
  bool reads_index_ = false;
};

}  // namespace

Expr take(Expr base, Expr index, int dim) {
  if (info(base.dtype()).bits % 8 != 0)
    refuse_take(fmt::format("take is not defined for dtype {}, whose elements are not whole bytes", to_string(base.dtype())));
  if (!is_integer(index.dtype())) refuse_take(fmt::format("an index has an integer dtype, not {}", to_string(index.dtype())));
  if (index.shape().size() != 1) refuse_take(fmt::format("an index has one dimension, not shape {}", to_string(index.shape())));
  BS_CHECK(dim >= 0 && dim < std::ssize(base.shape()));
  Shape shape = base.shape();
  std::int64_t& size = shape[static_cast<std::size_t>(dim)];
  if (size == 0 && index.shape().front() > 0)
    refuse_take(fmt::format("nothing can be taken along dimension {} of shape {}", dim, to_string(shape)));
  size = index.shape().front();
  if (element_count(shape) == 0) return literal({base.dtype(), std::move(shape)}, {});
  const Expr positions = cast(std::move(index), DType::I64);
  return Taker(positions).take(base, dim);
}

}  // namespace brainsurgery
