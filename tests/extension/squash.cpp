// squash: a limit that values come close to and never reach, as a function of formulas and as a step.
#include <brainsurgery/error.h>
#include <brainsurgery/expr.h>

#include <cmath>

#include "extension.h"

namespace surgeon {
namespace {

using namespace brainsurgery;

// float32 and float64; whoever has another dtype converts it before.
DType same_float(const Operation&, std::span<const DType> operands, const Parameters& parameters) {
  const std::optional<double> limit = parameters.numbers[0];
  if (!limit || !(*limit > 0)) throw Error(ErrorCode::plan, "the limit of squash is a positive number");
  if (operands[0] != DType::F32 && operands[0] != DType::F64)
    throw Error(ErrorCode::plan, "squash is defined for float32 and float64, not for " + to_string(operands[0]));
  return operands[0];
}

template <typename T>
void squash_range(const Operation::Call& call) {
  const auto* in = static_cast<const T*>(call.operands[0]);
  auto* out = static_cast<T*>(call.out);
  const T limit = static_cast<T>(*call.parameters.numbers[0]);
  for (std::int64_t i = 0; i < call.n; ++i) out[i] = limit * in[i] / (limit + std::abs(in[i]));
}

void run_squash(const Operation::Call& call) {
  call.dtype == DType::F64 ? squash_range<double>(call) : squash_range<float>(call);
}

struct SquashSpec {
  TensorRef target;
  double limit = 1;
};

}  // namespace

const Operation kSquash{.name = "squash",
                        .meaning = "limit * a / (limit + |a|)",
                        .operands = 1,
                        .parameters = {"limit"},
                        .result = same_float,
                        .run = run_squash,
                        .domain = Operation::Domain::floats};

Step squash_in_place() {
  SchemaBuilder<SquashSpec> schema(
      "squash_", {"Brings values below a limit.", "x becomes limit * x / (limit + |x|). Types below 32 bits are computed "
                                                  "in float32.",
                  "squash_: {target: '.+\\.weight', limit: 0.1}"});
  schema.reference(&SquashSpec::target, "target", roles::in_place()).doc("The tensors that are changed.");
  schema.field(&SquashSpec::limit, "limit").defaults_to("1").doc("The limit, a positive number.");
  schema.check([](const SquashSpec& spec) -> std::optional<FieldProblem> {
    if (spec.limit > 0) return std::nullopt;
    return FieldProblem{"limit", "must be positive"};
  });
  return make_edit<SquashSpec>(schema, [](const SquashSpec& spec, const Row& row) {
    const Expr& x = row.one(0);
    const Expr wide = cast(x, x.dtype() == DType::F64 ? DType::F64 : DType::F32);
    return std::vector{cast(map(kSquash, {wide}, {.numbers = {spec.limit}}), x.dtype())};
  });
}

}  // namespace surgeon
