#include "planner/narrowing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/visitor.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

// Whether every value of `from` is one of `to`.
bool is_wider(DType from, DType to) {
  return is_floating(from) && (to == DType::F32 || to == DType::F64) && info(from).bits < info(to).bits;
}

// A number of the plan in a narrower dtype, if it is one of its values.
std::optional<Expr> narrow_number(const Expr& expr, DType dtype) {
  const auto* repeated = as<nodes::Broadcast>(expr);
  const Expr& number = repeated == nullptr ? expr : repeated->base;
  const auto* literal = as<nodes::Literal>(number);
  if (literal == nullptr || element_count(number.shape()) != 1) return std::nullopt;
  std::vector<std::byte> narrow(static_cast<std::size_t>(item_size(dtype))), back(literal->bytes.size());
  kernels::cast(number.dtype(), literal->bytes.data(), dtype, narrow.data(), 1);
  kernels::cast(dtype, narrow.data(), number.dtype(), back.data(), 1);
  if (back != literal->bytes) return std::nullopt;
  Expr made = brainsurgery::literal({dtype, number.shape()}, std::move(narrow));
  return repeated == nullptr ? made : broadcast(std::move(made), expr.shape());
}

}  // namespace

Expr Narrowing::narrow(const Expr& expr, int levels) {
  const auto* map = as<nodes::Map>(expr);
  if (map == nullptr || levels == 0) return expr;
  if (map->parameters.dtype) {
    const Expr& part = map->parts.front();
    return is_wider(part.dtype(), expr.dtype()) ? narrow(part, levels - 1) : expr;
  }
  if (!map->operation->ignores_width) return expr;
  if (const auto known = known_.find(expr.get()); known != known_.end()) return known->second.narrow;
  std::vector<Expr> operands = narrow_operands(map->parts, levels - 1);
  const Expr result = operands.empty() ? expr : brainsurgery::map(*map->operation, std::move(operands), map->parameters);
  known_.emplace(expr.get(), Known{expr, result});
  return result;
}

// In one narrower dtype; none where that cannot be.
std::vector<Expr> Narrowing::narrow_operands(const std::vector<Expr>& operands, int levels) {
  std::vector<Expr> narrow;
  for (const Expr& operand : operands) narrow.push_back(this->narrow(operand, levels));
  const auto width = [](const Expr& operand) { return info(operand.dtype()).bits; };
  const DType dtype = std::ranges::min_element(narrow, {}, width)->dtype();
  if (!is_wider(dtype, operands.front().dtype())) return {};
  for (Expr& operand : narrow) {
    if (operand.dtype() == dtype) continue;
    std::optional<Expr> number = narrow_number(operand, dtype);
    if (!number) return {};
    operand = *std::move(number);
  }
  return narrow;
}

}  // namespace brainsurgery
