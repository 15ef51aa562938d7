// Numbers that are wanted of tensors, made together: what several of them are made from is read and computed once.
//
//   ValuePlan plan({});
//   plan.add(reduce(reducer("mean"), {w}));
//   plan.add(reduce(reducer("norm"), {w}));
//   std::vector<Number> values = executor.run(plan);       // one pass over w
#pragma once

#include <cstdint>
#include <vector>

#include "planner/schedule.h"

namespace brainsurgery {

class ValuePlan {
 public:
  explicit ValuePlan(CompileOptions options) : compiler_(options) {}

  // The reduction has the value, a literal, and is not made. Before numbers are added.
  void know(const Expr& reduction, Expr value) { compiler_.know(reduction, std::move(value)); }
  // A tensor with one element of a dtype that computes. Throws Error where elements cannot be read.
  void add(const Expr& number);

  // In the order in which they were added.
  [[nodiscard]] const std::vector<Expr>& numbers() const { return numbers_; }
  [[nodiscard]] const std::vector<CompiledTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<Materialization>& materializations() const { return compiler_.materializations(); }
  // What makes that from which the numbers are taken.
  [[nodiscard]] std::vector<Stage> stages(const ScheduleLimits& limits) const;

 private:
  Compiler compiler_;
  std::vector<Expr> numbers_;
  std::vector<CompiledTensor> tensors_;
};

// Bytes of files that are read for it, if all elements have to be looked at.
[[nodiscard]] std::int64_t read_bytes(const ValuePlan& plan);
// How often elements are gone through: by every reduction that shares its pass with no other once, or as often as it
// needs.
[[nodiscard]] int pass_count(const ValuePlan& plan);

// How often all elements of an integer tensor go by to tell whether two of them are equal, in bounded memory; how much
// that is.
[[nodiscard]] std::int64_t distinct_passes(std::int64_t elements, std::int64_t budget_bytes);
[[nodiscard]] std::int64_t distinct_bytes(std::int64_t elements, std::int64_t budget_bytes);
// Bytes of files that are read to go through all elements of a tensor once.
[[nodiscard]] std::int64_t walk_bytes(const Expr& tensor, const CompileOptions& options);

}  // namespace brainsurgery
