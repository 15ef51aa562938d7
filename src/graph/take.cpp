// Construction of parts that an index names.
#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "graph/make.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// Operations of longer chains are done for all parts.
constexpr int kShallow = 32;

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// Of what is computed element by element only the parts that are wanted are computed.
Expr taken(const Expr& base, const Expr& index, int dim) {
  TensorDesc desc = base.desc();
  desc.shape[static_cast<std::size_t>(dim)] = index.shape().front();
  const auto* map = as<nodes::Map>(base);
  if (map == nullptr || base.node().depth() > kShallow) return make(std::move(desc), nodes::Take{base, index, dim});
  nodes::Map parts{map->operation, map->parameters, {}};
  for (const Expr& part : map->parts) parts.parts.push_back(taken(part, index, dim));
  return make(std::move(desc), std::move(parts));
}

}  // namespace

Expr take(Expr base, Expr index, int dim) {
  if (info(base.dtype()).bits % 8 != 0)
    refuse(fmt::format("take is not defined for dtype {}, whose elements are not whole bytes", to_string(base.dtype())));
  if (!is_integer(index.dtype())) refuse(fmt::format("an index has an integer dtype, not {}", to_string(index.dtype())));
  if (index.shape().size() != 1) refuse(fmt::format("an index has one dimension, not shape {}", to_string(index.shape())));
  BS_CHECK(dim >= 0 && dim < std::ssize(base.shape()));
  Shape shape = base.shape();
  std::int64_t& size = shape[static_cast<std::size_t>(dim)];
  if (size == 0 && index.shape().front() > 0)
    refuse(fmt::format("nothing can be taken along dimension {} of shape {}", dim, to_string(shape)));
  size = index.shape().front();
  if (element_count(shape) == 0) return literal({base.dtype(), std::move(shape)}, {});
  return taken(base, cast(std::move(index), DType::I64), dim);
}

}  // namespace brainsurgery
