// The compiler's part that plans reductions.
#include <algorithm>
#include <utility>

#include "planner/compiler.h"
#include "planner/reductions.h"

namespace brainsurgery {
namespace {

// Of the results of a reduction in their buffer, bytes: elements of any dtype can stand there.
constexpr std::int64_t kResultAlignment = 8;

// How often a reducer goes through its elements.
int pass_count(const Expr& expr, const nodes::Reduce& node, const std::vector<Expr>& operands) {
  if (node.reducer->passes.count == nullptr) return 1;
  std::vector<DType> dtypes;
  for (const Expr& operand : operands) dtypes.push_back(operand.dtype());
  std::int64_t count = 1;
  for (const int axis : node.axes) count *= node.parts.front().shape()[axis];
  return node.reducer->passes.count({dtypes, node.parameters, expr.dtype(), count});
}

}  // namespace

// Reducers read narrow elements as they are: less has to be moved, and nothing converted.
std::vector<Expr> Compiler::reduced_operands(const nodes::Reduce& node) {
  if (!options_.fuse || !node.reducer->reads_narrow) return node.parts;
  std::vector<Expr> narrow;
  for (const Expr& operand : node.parts) narrow.push_back(narrowing_.before_widening(operand));
  const bool have_one_dtype =
      std::ranges::all_of(narrow, [&](const Expr& operand) { return operand.dtype() == narrow.front().dtype(); });
  return have_one_dtype ? narrow : node.parts;
}

// Joins the pass over its operands that another reducer along these axes needs.
BufferPlace Compiler::reduce(const Expr& expr, const nodes::Reduce& node) {
  const std::vector<Expr> operands = reduced_operands(node);
  const int passes = pass_count(expr, node, operands);
  std::tuple key(std::vector<const Node*>(), node.axes, node.reducer->by_rows, passes);
  for (const Expr& operand : operands) std::get<0>(key).push_back(operand.get());
  auto known = reductions_.find(key);
  if (known == reductions_.end()) known = reductions_.emplace(std::move(key), begin_reduction(node, operands, passes)).first;
  Materialization& made = materializations_[known->second];
  auto& results = std::get<Materialization::Reduction>(made.how).results;
  const auto same = std::ranges::find_if(results, [&node](const auto& result) {
    return result.reducer == node.reducer && result.parameters == node.parameters;
  });
  if (same != results.end()) return keep(expr, {known->second, same->offset});
  if (results.empty()) made.desc = expr.desc();
  const std::int64_t offset = (made.bytes + kResultAlignment - 1) / kResultAlignment * kResultAlignment;
  results.push_back({node.reducer, node.parameters, expr.dtype(), offset});
  made.bytes = offset + byte_count(expr.dtype(), expr.shape());
  made.work_bytes = state_bytes(std::get<Materialization::Reduction>(made.how));
  return keep(expr, {known->second, offset});
}

// The pass, without anything that it is to find.
int Compiler::begin_reduction(const nodes::Reduce& node, const std::vector<Expr>& operands, int passes) {
  const Shape& shape = operands.front().shape();
  const ReductionOrder order = reduction_order(shape, node.axes, node.reducer->by_rows);
  Materialization made;
  Materialization::Reduction reduction;
  reduction.shape = order.shape;
  reduction.by_rows = node.reducer->by_rows;
  reduction.passes = passes;
  Shape seen;
  for (const int axis : order.axes) seen.push_back(shape[axis]);
  const View view = View::identity(seen).through_permute(order.axes, shape);
  for (const Expr& operand : operands)
    reduction.operands.push_back(build(operand, view, made.needs));
  made.how = std::move(reduction);
  return add(std::move(made));
}

}  // namespace brainsurgery
