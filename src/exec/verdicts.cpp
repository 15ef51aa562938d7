#include "exec/verdicts.h"

#include "exec/kernels/kernels.h"

namespace brainsurgery {

bool holds(const checks::EqualValues& condition, const std::byte* a, const std::byte* b, std::int64_t count) {
  // Types below 8 bits are compared as bytes, as they are moved.
  const DType dtype = info(condition.a.dtype()).bits % 8 == 0 ? condition.a.dtype() : DType::U8;
  return condition.eps ? kernels::largest_distance(dtype, a, b, count) <= *condition.eps
                       : kernels::all_equal(dtype, a, b, count);
}

bool holds(const checks::SmallValues& condition, const std::byte* a, std::int64_t count) {
  return kernels::all_small(condition.a.dtype(), a, condition.eps, count);
}

void Verdicts::test(int number, const std::vector<const std::byte*>& operands, std::int64_t count) {
  if (failed(number)) return;
  const bool good = std::visit(
      [&](const auto* condition) {
        if constexpr (requires { condition->b; }) {
          return holds(*condition, operands[0], operands[1], count);
        } else {
          return holds(*condition, operands[0], count);
        }
      },
      conditions_[number]);
  if (good) return;
  failed_[static_cast<std::size_t>(number)] = true;
  if (conditions_.is_required(number)) required_failed_ = true;
}

}  // namespace brainsurgery
