// The compiler's part that plans reductions.
#include <algorithm>
#include <utility>

#include "planner/compiler.h"
#include "planner/reductions.h"

namespace brainsurgery {
namespace {

// Of the results of a reduction in their buffer, bytes: elements of any dtype can stand there.
constexpr std::int64_t kResultAlignment = 8;
// Instructions of a pass, beyond which no further reduction joins it.
constexpr std::int64_t kMostJoined = 256;

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

// The elements of an operand of a reduction, in the order in which they are reduced.
ProgramPtr Compiler::build_operand(const Expr& operand, const ReductionOrder& order, std::vector<int>& needs) {
  Shape seen;
  for (const int axis : order.axes) seen.push_back(operand.shape()[axis]);
  return build(operand, View::identity(seen).through_permute(order.axes, operand.shape()), needs);
}

// Joins a pass over elements of the same shape that reads one of the sources too.
BufferPlace Compiler::reduce(const Expr& expr, const nodes::Reduce& node) {
  const std::vector<Expr> operands = reduced_operands(node);
  ReductionOrder order = reduction_order(node.parts.front().shape(), node.axes, node.reducer->by_rows);
  const bool in_bytes = info(node.parts.front().dtype()).bits % 8 != 0;  // as programs move such elements
  if (in_bytes) order.shape.reduced = byte_count(node.parts.front().dtype(), node.parts.front().shape());
  std::vector<ProgramPtr> programs;
  std::vector<int> needs;
  Materialization::Reduction::Result result{node.reducer, node.parameters, {}, expr.dtype(), 0};
  for (const Expr& operand : operands) {
    programs.push_back(build_operand(operand, order, needs));
    result.operands.push_back(in_bytes ? DType::U8 : operand.dtype());
  }
  const int number = pass_for({order.shape, node.reducer->by_rows, pass_count(expr, node, operands)}, programs, needs);
  Materialization& made = materializations_[number];
  for (const int needed : needs) {
    if (std::ranges::find(made.needs, needed) == made.needs.end()) {
      made.needs.push_back(needed);
    } else {
      --materializations_[needed].uses;  // the pass is counted already
    }
  }
  auto& reduction = std::get<Materialization::Reduction>(made.how);
  Program program = *reduction.program;
  Tap tap{static_cast<int>(reduction.results.size()), 0, {}};
  for (const ProgramPtr& operand : programs) tap.operands.push_back(add_instructions(program, *operand));
  const auto same = std::ranges::find_if(program.taps, [&](const Tap& known) {
    const auto& other = reduction.results[static_cast<std::size_t>(known.number)];
    return known.operands == tap.operands && other.reducer == result.reducer && other.parameters == result.parameters;
  });
  if (same != program.taps.end())
    return keep(expr, {number, reduction.results[static_cast<std::size_t>(same->number)].offset});
  tap.after = last_of(program, tap.operands);
  program.taps.push_back(std::move(tap));
  complete(program);
  reduction.program = std::make_shared<const Program>(std::move(program));
  if (reduction.results.empty()) made.desc = expr.desc();
  const std::int64_t offset = (made.bytes + kResultAlignment - 1) / kResultAlignment * kResultAlignment;
  result.offset = offset;
  reduction.results.push_back(std::move(result));
  made.bytes = offset + byte_count(expr.dtype(), expr.shape());
  made.work_bytes = state_bytes(reduction);
  return keep(expr, {number, offset});
}

// One that reads a source of the programs, and needs none that is newer than itself: it must not wait for itself.
int Compiler::pass_for(const PassKey& key, const std::vector<ProgramPtr>& programs, const std::vector<int>& needs) {
  const auto can_join = [&](int number) {
    const Program& there = *std::get<Materialization::Reduction>(materializations_[number].how).program;
    return std::ssize(there.code) < kMostJoined &&
           std::ranges::all_of(needs, [number](int needed) { return needed < number; }) &&
           std::ranges::any_of(programs, [&there](const ProgramPtr& program) { return share_work(there, *program); });
  };
  std::vector<std::vector<int>*> known;
  for (const ProgramPtr& program : programs) known.push_back(&passes_[{key, first_source(*program)}]);
  for (const std::vector<int>* passes : known) {
    if (const auto found = std::ranges::find_if(*passes, can_join); found != passes->end()) return *found;
  }
  const int number = begin_pass(key);
  for (std::vector<int>* passes : known) passes->push_back(number);
  return number;
}

// The pass, without anything that it is to find.
int Compiler::begin_pass(const PassKey& key) {
  Materialization::Reduction reduction;
  reduction.shape = key.shape;
  reduction.by_rows = key.by_rows;
  reduction.passes = key.passes;
  Program program;
  program.elements = key.shape.elements();
  reduction.program = std::make_shared<const Program>(std::move(program));
  Materialization made;
  made.how = std::move(reduction);
  return add(std::move(made));
}

}  // namespace brainsurgery
