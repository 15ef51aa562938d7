#include "exec/running_reductions.h"

#include <utility>

#include "graph/visitor.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kTapWord = 8;

// One use of a reducer, with what it points to.
struct UseOf {
  explicit UseOf(const Expr& reduction) : node(*as<nodes::Reduce>(reduction)), dtype(reduction.dtype()) {
    for (const Expr& operand : node.parts) dtypes.push_back(operand.dtype());
    count = element_count(node.parts.front().shape());
  }
  [[nodiscard]] Reducer::Use use() const { return {dtypes, node.parameters, dtype, count}; }
  [[nodiscard]] const Reducer& reducer() const { return *node.reducer; }
  [[nodiscard]] std::vector<std::byte> begun() const {
    std::vector<std::byte> states(static_cast<std::size_t>(reducer().words(use()) * kTapWord));
    reducer().start(use(), {states.data(), 1, 1});
    return states;
  }

  const nodes::Reduce& node;
  DType dtype;
  std::vector<DType> dtypes;
  std::int64_t count;
};

}  // namespace

RunningReductions::RunningReductions(const PassingReductions& passing, Settled settled)
    : passing_(passing), settled_(std::move(settled)), running_(passing.size()) {
  for (std::size_t i = 0; i < running_.size(); ++i) running_[i].states = UseOf(passing[static_cast<int>(i)]).begun();
}

void RunningReductions::take(const Tap& tap, std::span<const void* const> operands, std::int64_t first,
                             std::int64_t count) {
  Running& running = running_[static_cast<std::size_t>(tap.number)];
  if (running.settled) return;
  const UseOf of(passing_[tap.number]);
  const Reducer::Use use = of.use();
  std::vector<std::byte> states = of.begun();
  of.reducer().add(use, {operands, 1, count, 1, first}, {states.data(), 1, 1});
  {
    const std::scoped_lock lock(running.mutex);
    of.reducer().merge(use, {running.states.data(), 1, 1}, {states.data(), 1, 1});
    const bool settled = of.reducer().settled != nullptr && of.reducer().settled(use, {running.states.data(), 1, 1});
    if (!settled || running.settled.exchange(true)) return;
  }
  if (!settled_(tap.number, value(tap.number))) stopped_ = true;
}

Expr RunningReductions::value(int number) const {
  const Expr& reduction = passing_[number];
  const UseOf of(reduction);
  const Running& running = running_[static_cast<std::size_t>(number)];
  std::vector<std::byte> states;
  {
    const std::scoped_lock lock(running.mutex);
    states = running.states;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(reduction.dtype(), reduction.shape())));
  of.reducer().finish(of.use(), {states.data(), 1, 1}, bytes.data());
  return literal(reduction.desc(), std::move(bytes));
}

std::optional<Expr> RunningReductions::settled_value(int number) const {
  if (!running_[static_cast<std::size_t>(number)].settled) return std::nullopt;
  return value(number);
}

}  // namespace brainsurgery
