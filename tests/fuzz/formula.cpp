// A formula: read, printed and read again; checked; and, where its names and functions are known, made into nodes over
// small tensors.
#include "fuzz/fuzz.h"
#include "lowering/lower_formula.h"
#include "support/formulas.h"

using namespace brainsurgery;

namespace {

Expr zeros(DType dtype, Shape shape) {
  const std::int64_t size = byte_count(dtype, shape);
  return literal({dtype, std::move(shape)}, std::vector<std::byte>(static_cast<std::size_t>(size)));
}

const FormulaFunctions& functions() {
  static const FormulaFunctions functions({}, {});
  return functions;
}

void lower(const Formula& formula, const FormulaFacts& facts) {
  const std::vector<std::pair<std::string, Expr>> operands{
      {"x", zeros(DType::BF16, {2, 3})}, {"n", zeros(DType::I32, {3})}, {"m", zeros(DType::BOOL, {2, 1})}};
  for (const DType computing : {computing_dtype(std::vector{DType::BF16}, facts), DType::I64, DType::F64}) {
    FormulaLowering lowering(computing, functions());
    for (const auto& [name, expr] : operands) lowering.set(name, expr);
    REQUIRE(!to_string(lowering.value(formula)).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Formula formula = parse_formula({fuzz::text_of(data, size), "compute.as"});
    REQUIRE(formula.root->depth <= kMaxFormulaDepth);
    const std::string printed = testing::FormulaPrinter::print(*formula.root);
    REQUIRE(testing::FormulaPrinter::print(*parse_formula({printed, "compute.as"}).root) == printed);
    lower(formula, check_formula(formula, {"x", "n", "m"}, functions()));
  } catch (const Error& error) {
    fuzz::accept(error);
  }
  return 0;
}
