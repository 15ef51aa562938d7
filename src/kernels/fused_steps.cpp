// Runs of cast, scale and clamp on floats as one operation: a loop that keeps its values in registers takes half the
// time of three loops over a block (docs/performance.md).
#include <limits>

#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

void run_steps(const Operation::Call& call) {
  const auto& [factor, low, high] = call.parameters.numbers;
  kernels::float_steps(call.operand_dtypes[0], call.operands[0], factor.value_or(1), {low, high}, call.dtype, call.out,
                       call.n);
}

DType dtype_of_steps(const Operation&, std::span<const DType>, const Parameters& parameters) {
  return *parameters.dtype;
}

constexpr Operation kSteps{"float steps", "a cast to float32, scaled, clamped and cast", 1, {"by", "min", "max"},
                           dtype_of_steps, run_steps};

// The steps that become one, in their order.
enum class Step : std::uint8_t { none, widen, scale, clamp, narrow };

const Operation* const kCast = find_operation("cast");
const Operation* const kScale = find_operation("scale");
const Operation* const kClamp = find_operation("clamp");

// The last step that the operation does.
Step last_step(const OperationUse& use) {
  const bool merges = use.operation == &kSteps;
  if (use.operand == DType::F32 || merges) {
    if (use.result == DType::BF16 && (merges || use.operation == kCast)) return Step::narrow;
  }
  if (use.result != DType::F32) return Step::none;
  if (use.operand == DType::BF16 && use.operation == kCast) return Step::widen;
  if (use.operation == kScale) return Step::scale;
  if (use.operation == kClamp) return Step::clamp;
  if (!merges) return Step::none;
  const auto& [factor, low, high] = use.parameters.numbers;
  return low || high ? Step::clamp : Step::scale;
}

// The operation's parameters as those of kSteps.
Parameters steps_of(const OperationUse& use) {
  Parameters steps;
  if (use.operation == &kSteps) steps = use.parameters;
  if (use.operation == kScale) steps.numbers[0] = use.parameters.numbers[0];
  if (use.operation == kClamp) {
    steps.numbers[1] = use.parameters.numbers[0];
    steps.numbers[2] = use.parameters.numbers[1];
  }
  return steps;
}

}  // namespace

std::optional<OperationUse> merged(const OperationUse& first, const OperationUse& second) {
  const Step before = last_step(first), last = last_step(second);
  if (before == Step::none || last == Step::none || before >= last) return std::nullopt;
  const Parameters done = steps_of(first);
  Parameters steps = steps_of(second);
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (!steps.numbers[i]) steps.numbers[i] = done.numbers[i];
  }
  steps.dtype = second.result;
  return OperationUse{&kSteps, steps, first.operand, second.result};
}

}  // namespace brainsurgery
