#include "exec/answers.h"

#include <cmath>

#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

// Types below 8 bits are compared as bytes, as they are moved.
DType compared_as(DType dtype) { return info(dtype).bits % 8 == 0 ? dtype : DType::U8; }

bool gives_distance(const ValueComparison& comparison) { return comparison.eps && info(comparison.a.dtype()).computes; }

}  // namespace

bool holds(const checks::EqualValues& condition, const std::byte* a, const std::byte* b, std::int64_t count) {
  const DType dtype = compared_as(condition.a.dtype());
  return condition.eps ? kernels::largest_distance(dtype, a, b, count) <= *condition.eps
                       : kernels::all_equal(dtype, a, b, count);
}

bool holds(const checks::SmallValues& condition, const std::byte* a, std::int64_t count) {
  return kernels::all_small(condition.a.dtype(), a, condition.eps, count);
}

void RunningDifference::add(const ValueComparison& comparison, const std::byte* a, const std::byte* b,
                            std::int64_t count) {
  if (is_final()) return;
  const DType dtype = compared_as(comparison.a.dtype());
  if (!gives_distance(comparison)) {
    if (!kernels::all_equal(dtype, a, b, count)) differs_ = true;
    return;
  }
  const double found = kernels::largest_distance(dtype, a, b, count);
  double known = largest_;
  while (!largest_.compare_exchange_weak(known, kernels::larger_or_nan(known, found))) {
  }
}

bool RunningDifference::is_final() const { return differs_ || std::isnan(largest_); }

Difference RunningDifference::result(const ValueComparison& comparison) const {
  if (!gives_distance(comparison)) return {differs_, std::nullopt};
  const double largest = largest_;
  return {!(largest <= *comparison.eps), largest};
}

// Some elements of the operands of a question.
struct Answers::Look {
  Answers& answers;
  int number;
  const std::vector<const std::byte*>& operands;
  std::int64_t count;

  void operator()(const checks::EqualValues* condition) const {
    if (answers.failed(number) || holds(*condition, operands[0], operands[1], count)) return;
    answers.fail(number);
  }
  void operator()(const checks::SmallValues* condition) const {
    if (answers.failed(number) || holds(*condition, operands[0], count)) return;
    answers.fail(number);
  }
  // No program has tests of these.
  void operator()(const checks::Measured*) const { fail_check("numbers pass by", __FILE__, __LINE__); }
  void operator()(const checks::DistinctValues*) const { fail_check("all elements pass by", __FILE__, __LINE__); }
  void operator()(const ValueComparison* comparison) const {
    answers.differences_[static_cast<std::size_t>(number)].add(*comparison, operands[0], operands[1], count);
  }
};

void Answers::test(int number, const std::vector<const std::byte*>& operands, std::int64_t count) {
  std::visit(Look{*this, number, operands, count}, questions_[number]);
}

void Answers::fail(int number) {
  failed_[static_cast<std::size_t>(number)] = true;
  if (questions_.is_required(number)) required_failed_ = true;
}

Difference Answers::difference(int number) const {
  return differences_[static_cast<std::size_t>(number)].result(*std::get<const ValueComparison*>(questions_[number]));
}

}  // namespace brainsurgery
