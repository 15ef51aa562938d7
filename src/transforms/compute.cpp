// compute: a formula over tensors.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/spelling.h"
#include "brainsurgery/error.h"
#include "lowering/lower_formula.h"
#include "plan/field_values.h"
#include "transforms/families.h"

namespace brainsurgery {
namespace {

constexpr const char* kMatched = "x";  // the matched tensor's name in formulas

// What takes a result: of a formula of `let` that has a name, else of `as`; nullopt: what is matched.
struct Result {
  std::string of;
  SourceSpan place;  // of the name
  std::optional<TensorRef> to;
  bool casts = false;  // the formula says the dtype itself

  [[nodiscard]] bool is_part(const TensorRef& match) const { return (to ? *to : match).slice.has_value(); }
};

struct ComputeSpec {
  TensorRef match;
  std::vector<Binding> let;
  std::optional<Formula> as;
  std::vector<Result> results;
  std::optional<DType> in, dtype;
  FormulaFacts facts = {};  // of all formulas

  [[nodiscard]] bool in_place() const { return results.empty() || !results.front().to; }
};

// Looks every name and function up; a formula may use the names before it. Throws Error(plan) at the mistake.
void check_formulas(ComputeSpec& spec, const FormulaFunctions& functions) {
  std::vector<std::string> names{kMatched};
  const auto check = [&](const std::string& name, const Formula& formula) {
    const FormulaFacts facts = check_formula(formula, names, functions);
    spec.facts.join(facts);
    for (Result& result : spec.results) {
      if (result.of == name) result.casts = facts.casts;
    }
  };
  for (const Binding& binding : spec.let) {
    if (const auto* formula = std::get_if<Formula>(&binding.value)) check(binding.name, *formula);
    names.push_back(binding.name);
  }
  if (spec.as) check("", *spec.as);
}

// Every result is a formula of `let`. Throws Error(plan) at the one that is not.
void check_results(const ComputeSpec& spec) {
  std::vector<std::string> formulas;
  for (const Binding& binding : spec.let) {
    if (std::holds_alternative<Formula>(binding.value)) formulas.push_back(binding.name);
  }
  for (const Result& result : spec.results) {
    if (std::ranges::find(formulas, result.of) != formulas.end()) continue;
    std::vector<std::string> notes = did_you_mean(result.of, formulas);
    if (notes.empty()) notes = {fmt::format("add it: let: {{{}: '= ...'}}", result.of)};
    throw Error(ErrorCode::plan, fmt::format("compute.to.{0}: `let` has no formula '{0}'", result.of), result.place,
                std::move(notes));
  }
}

std::optional<FieldProblem> complete(ComputeSpec& spec, const FormulaFunctions& functions) {
  for (const Binding& binding : spec.let) {
    if (binding.name == kMatched)
      throw Error(ErrorCode::plan, "compute.let.x: x is the matched tensor; choose another name", binding.place);
  }
  const bool named = !spec.results.empty() && !spec.results.front().of.empty();
  if (named && spec.as) return FieldProblem{"as", "the results that `to` names are formulas of `let`"};
  if (!named && !spec.as) return FieldProblem{"", "needs as, unless `to` names formulas of `let`"};
  if (named && spec.dtype)
    return FieldProblem{"dtype", "each formula of several results says its own dtype, as int8(...)"};
  if (named) check_results(spec);
  if (spec.results.empty()) spec.results.emplace_back();
  check_formulas(spec, functions);
  if (spec.dtype && spec.results.front().is_part(spec.match))
    return FieldProblem{"dtype", "a part of a tensor keeps the dtype of the tensor"};
  return std::nullopt;
}

Role matched_in_place() {
  Role role = roles::in_place();
  role.replaces = true;
  return role;
}

// Conditions, and what a formula converts itself, keep their dtype; so does a tensor that is replaced.
DType result_dtype(const ComputeSpec& spec, const Row& row, std::size_t number, const Expr& value) {
  const Result& result = spec.results[number];
  const std::optional<TensorDesc> replaced = row.replaced(number);
  if (result.is_part(spec.match)) return replaced->dtype;
  if (spec.dtype) return *spec.dtype;
  if (result.casts || value.dtype() == DType::BOOL) return value.dtype();
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
  std::map<std::string, Expr> values;  // of formulas, by name
  for (const Binding& binding : spec.let) {
    const auto* formula = std::get_if<Formula>(&binding.value);
    if (formula != nullptr) values.insert_or_assign(binding.name, lowering.value(*formula));
    lowering.set(binding.name, formula != nullptr ? values.at(binding.name) : *next++);
  }
  if (spec.as) values.insert_or_assign("", lowering.value(*spec.as));
  std::vector<Expr> results;
  for (std::size_t i = 0; i < spec.results.size(); ++i) {
    const Expr& value = values.at(spec.results[i].of);
    results.push_back(cast(value, result_dtype(spec, row, i, value)));
  }
  return results;
}

// One reference, or a mapping from names to references.
void add_results(SchemaBuilder<ComputeSpec>& schema, const std::string& name) {
  const FieldTypePtr one = reference_type(roles::assigned());
  const auto is_mapping = [](const YamlNode& value) -> std::size_t { return value.is_mapping() ? 1 : 0; };
  Field& field = schema.custom(
      name, one_of_types({one, mapping_of(one)}, is_mapping),
      [one](const YamlNode& value, const FieldDecoder& decoder, ComputeSpec& spec) {
        if (!value.is_mapping()) {
          if (auto to = decoder.at("", *one).reference(value)) spec.results.push_back({"", value.span(), *std::move(to)});
          return;
        }
        for (const auto& [key, target] : value.entries()) {
          if (auto to = decoder.at("." + key->text(), *one).reference(*target))
            spec.results.push_back({key->text(), key->span(), *std::move(to)});
        }
      });
  field.null_is_absent = true;
  field.references = [](const void* spec) {
    std::vector<FieldReference> references;
    for (const Result& result : static_cast<const ComputeSpec*>(spec)->results) {
      if (!result.to) continue;
      const Role role = result.to->slice ? roles::assigned_part() : roles::assigned();
      references.push_back({&*result.to, result.of.empty() ? "" : "." + result.of, role});
    }
    return references;
  };
  field.defaults_to("the matched tensor")
      .doc("The tensor that takes the result, new or replaced; with a slice, the part of an existing one. A mapping from "
           "names of formulas in `let` makes several: each takes the result of its formula, without `as`.");
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
                 [](const ComputeSpec& spec) { return spec.in_place() ? matched_in_place() : roles::source(); })
      .doc("The tensors that the formula calls x; without `to`, they take the result.");
  add_bindings(schema, &ComputeSpec::let, "let", roles::paired_source())
      .doc("Names for further tensors, or for parts of the formula; these may use the names before them.");
  schema.field(&ComputeSpec::as, "as").doc("The formula. Where `to` names several results, these are formulas of `let`.");
  add_results(schema, "to");
  schema.field(&ComputeSpec::in, "in")
      .defaults_to("int64 for integers alone, else float32, or float64 if a tensor is of this dtype")
      .doc("The dtype of the computation.");
  schema.field(&ComputeSpec::dtype, "dtype")
      .defaults_to("that of the tensor that is replaced, else of x; bool for conditions")
      .doc("The dtype of the result. Formulas of several results say it themselves: `int8(...)`.");
  schema.needs_one_of({"as", "to"});
  schema.check([functions](ComputeSpec& spec) { return complete(spec, *functions); });
  registry.add(make_edit<ComputeSpec>(
      schema, [functions](const ComputeSpec& spec, const Row& row) { return compute(spec, row, *functions); }));
}

}  // namespace brainsurgery
