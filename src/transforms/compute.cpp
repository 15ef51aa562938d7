// compute: a formula over tensors.
#include <algorithm>

#include "brainsurgery/error.h"
#include "lowering/lower_formula.h"
#include "plan/field_values.h"
#include "transforms/families.h"

namespace brainsurgery {
namespace {

constexpr const char* kMatched = "x";  // the matched tensor's name in formulas

struct ComputeSpec {
  TensorRef match;
  std::vector<Binding> let;
  std::optional<Formula> as;
  std::optional<TensorRef> to;
  std::optional<DType> in, dtype;
  FormulaFacts facts = {};  // of all formulas
};

// Looks every name and function up; a formula may use the names before it. Throws Error(plan) at the mistake.
FormulaFacts facts_of(const ComputeSpec& spec, const FormulaFunctions& functions) {
  std::vector<std::string> names{kMatched};
  FormulaFacts all;
  for (const Binding& binding : spec.let) {
    if (const auto* formula = std::get_if<Formula>(&binding.value)) all.join(check_formula(*formula, names, functions));
    names.push_back(binding.name);
  }
  const FormulaFacts last = check_formula(*spec.as, names, functions);
  all.join(last);
  all.casts = last.casts;
  return all;
}

bool writes_part(const ComputeSpec& spec) {
  return spec.to ? spec.to->slice.has_value() : spec.match.slice.has_value();
}

std::optional<FieldProblem> complete(ComputeSpec& spec, const FormulaFunctions& functions) {
  for (const Binding& binding : spec.let) {
    if (binding.name == kMatched)
      throw Error(ErrorCode::plan, "compute.let.x: x is the matched tensor; choose another name", binding.place);
  }
  spec.facts = facts_of(spec, functions);
  if (spec.dtype && writes_part(spec)) return FieldProblem{"dtype", "a part of a tensor keeps the dtype of the tensor"};
  return std::nullopt;
}

Role matched_in_place() {
  Role role = roles::in_place();
  role.replaces = true;
  return role;
}

// Conditions, and what a formula converts itself, keep their dtype; so does a tensor that is replaced.
DType result_dtype(const ComputeSpec& spec, const Row& row, const Expr& value) {
  const std::optional<TensorDesc> replaced = row.replaced(0);
  if (writes_part(spec)) return replaced->dtype;
  if (spec.dtype) return *spec.dtype;
  if (spec.facts.casts || value.dtype() == DType::BOOL) return value.dtype();
  return replaced ? replaced->dtype : row.one(0).dtype();
}

std::vector<Expr> compute(const ComputeSpec& spec, const Row& row, const FormulaFunctions& functions) {
  std::vector<Expr> operands;
  std::vector<DType> dtypes;
  const auto add = [&](const Operand& operand) {
    const DType dtype = operand.expr.dtype();
    // Bits and codes are taken from integers as they are; where they meet numbers, the formula converts them.
    const bool keeps = dtype == DType::BOOL || (spec.in && is_integer(dtype) && is_floating(*spec.in));
    const bool converts = spec.in && !keeps;
    operands.push_back(converts ? cast(operand.expr, *spec.in) : operand.expr);
    dtypes.push_back(operands.back().dtype());
  };
  for (const std::vector<Operand>& field : row.operands) std::ranges::for_each(field, add);  // match, let
  FormulaLowering lowering(spec.in ? *spec.in : computing_dtype(dtypes, spec.facts), functions, row.warn);
  auto next = operands.begin();
  lowering.set(kMatched, *next++);
  for (const Binding& binding : spec.let) {
    const auto* formula = std::get_if<Formula>(&binding.value);
    lowering.set(binding.name, formula != nullptr ? lowering.value(*formula) : *next++);
  }
  const Expr value = lowering.value(*spec.as);
  return {cast(value, result_dtype(spec, row, value))};
}

constexpr const char* kComputeDetails =
    "In the formula x is the matched tensor, and `let` names others. Every tensor is converted once to the dtype of "
    "the "
    "computation, and the result once to its own. Operands are broadcast by PyTorch's rules. A tensor that exists "
    "under "
    "the destination's name is replaced, whatever its shape. The language of formulas: section 4.10 of language.md.";

}  // namespace

void add_compute(StepRegistry& registry, std::shared_ptr<const FormulaFunctions> functions) {
  SchemaBuilder<ComputeSpec> schema(
      "compute", {"Computes tensors by a formula.", kComputeDetails,
                  "compute: {match: 'model::(.+)', let: {t: 'tuned::\\1'}, as: 'x + 0.4 * (t - x)', in: float32}",
                  "- load: {path: tiny_gpt2.safetensors, alias: tuned}"});
  schema.called_elsewhere({"eval", "formula", "expression", "apply", "map"});
  schema
      .reference(&ComputeSpec::match, "match",
                 [](const ComputeSpec& spec) { return spec.to ? roles::source() : matched_in_place(); })
      .doc("The tensors that the formula calls x; without `to`, they take the result.");
  add_bindings(schema, &ComputeSpec::let, "let", roles::paired_source())
      .doc("Names for further tensors, or for parts of the formula; these may use the names before them.");
  schema.field(&ComputeSpec::as, "as").require().doc("The formula.");
  schema
      .reference(&ComputeSpec::to, "to",
                 [](const ComputeSpec& spec) {
                   return spec.to && spec.to->slice ? roles::assigned_part() : roles::assigned();
                 })
      .defaults_to("the matched tensor")
      .doc("The tensor that takes the result, new or replaced; with a slice, the part of an existing one.");
  schema.field(&ComputeSpec::in, "in")
      .defaults_to("int64 for integers alone, else float32, or float64 if a tensor is of this dtype")
      .doc("The dtype of the computation.");
  schema.field(&ComputeSpec::dtype, "dtype")
      .defaults_to("that of the tensor that is replaced, else of x; bool for conditions")
      .doc("The dtype of the result.");
  schema.check([functions](ComputeSpec& spec) { return complete(spec, *functions); });
  registry.add(make_edit<ComputeSpec>(
      schema, [functions](const ComputeSpec& spec, const Row& row) { return compute(spec, row, *functions); }));
}

}  // namespace brainsurgery
