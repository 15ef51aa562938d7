// linear: weighted sums of tensors that several models have under one name.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/yaml_tree.h"
#include "transforms/families.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

enum class Integers : std::uint8_t { copy, refuse };

struct TermSpec {
  TensorRef of;
  double weight = 1;
};

struct LinearSpec {
  std::vector<TermSpec> terms;
  TensorRef to;
  std::optional<DType> in;
  Integers integers = Integers::copy;
};

SchemaBuilder<TermSpec> term_schema() {
  SchemaBuilder<TermSpec> term("term", {"A tensor with its weight.", "", "{of: 'wte.weight', weight: 0.5}"});
  term.reference(&TermSpec::of, "of", roles::source())
      .doc("The tensor: of the first term a pattern, of the others a template filled in for its matches.");
  term.field(&TermSpec::weight, "weight").defaults_to("1").doc("Its weight.");
  return term;
}

// The first reference leads; the others follow its matches.
void add_terms(SchemaBuilder<LinearSpec>& schema) {
  const SchemaBuilder<TermSpec> term = term_schema();
  const auto decode = [one = term.decoder()](const YamlNode& value, const FieldDecoder& decoder, LinearSpec& spec) {
    const auto add = [&](const FieldDecoder& item, const YamlNode& node) {
      if (!node.is_mapping()) item.expected(node, "a mapping with of and weight");
      if (!node.is_mapping()) return false;
      const auto decoded = one(node, item.context(), item.path());
      if (decoded) spec.terms.push_back(*decoded);
      return decoded != nullptr;
    };
    static_cast<void>(decoder.each(value, add));
  };
  Field& field = schema.custom("terms", list_of(record_of(term.schema()), 1), decode);
  field.role = roles::source();
  field.references = [](const void* spec) {
    std::vector<FieldReference> result;
    for (const TermSpec& each : static_cast<const LinearSpec*>(spec)->terms) {
      const std::string within = fmt::format("[{}].of", result.size());
      result.push_back({&each.of, within, result.empty() ? roles::source() : roles::paired_source()});
    }
    return result;
  };
  field.require().doc("The tensors that are added, each with its weight.");
}

Role result() {
  Role role = roles::assigned();
  role.slice = false;
  return role;
}

// All terms have one shape, and are floats or none of them is.
void require_alike(const LinearSpec& spec, const std::vector<Operand>& terms) {
  const TensorDesc& first = terms.front().expr.desc();
  for (std::size_t i = 1; i < terms.size(); ++i) {
    const TensorDesc& desc = terms[i].expr.desc();
    if (desc.shape == first.shape && is_floating(desc.dtype) == is_floating(first.dtype)) continue;
    throw Error(ErrorCode::plan,
                fmt::format("linear.terms[{}].of: {} {} cannot be added to {} {} of the first term", i,
                            to_string(desc.dtype), to_string(desc.shape), to_string(first.dtype), to_string(first.shape)),
                spec.terms[i].of.span);
  }
}

Expr weighted_sum(const LinearSpec& spec, const std::vector<Operand>& terms) {
  require_alike(spec, terms);
  const DType dtype = terms.front().expr.dtype();
  if (!is_floating(dtype)) {
    if (spec.integers == Integers::copy) return terms.front().expr;
    throw Error(ErrorCode::plan, fmt::format("weighted sums are not defined for dtype {}", to_string(dtype)), {},
                {"with 'integers: copy' the tensor of the first term is taken"});
  }
  const auto is_wide = [](const Operand& term) { return term.expr.dtype() == DType::F64; };
  const DType computing = spec.in.value_or(std::ranges::any_of(terms, is_wide) ? DType::F64 : DType::F32);
  Expr sum;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Expr part = map(operation("scale"), {cast(terms[i].expr, computing)}, {.numbers = {spec.terms[i].weight}});
    sum = sum ? map(operation("add"), {std::move(sum), std::move(part)}) : std::move(part);
  }
  return cast(std::move(sum), dtype);
}

std::optional<FieldProblem> problem_of_linear(const LinearSpec& spec) {
  for (std::size_t i = 0; i < spec.terms.size(); ++i) {
    if (!std::isfinite(spec.terms[i].weight))
      return FieldProblem{"terms", fmt::format("the weight of term {} must be a finite number", i)};
  }
  if (spec.in && !is_floating(*spec.in)) return FieldProblem{"in", "must be a floating dtype"};
  return std::nullopt;
}

constexpr const char* kLinearDetails =
    "The pattern of the first term leads; a tensor of the result's name is replaced. Terms have one shape. Each is "
    "converted to the dtype of the computation and multiplied by its weight, products are added from left to right, each "
    "rounded, and the sum is rounded once to the dtype of the first term. Tensors of integers and bools are not added: "
    "`integers: copy` takes that of the first term, though the others may have other elements; `refuse` is a mistake.";

}  // namespace

void add_linear(StepRegistry& registry) {
  SchemaBuilder<LinearSpec> schema(
      "linear", {"Adds tensors of several models with weights.", kLinearDetails,
                 "linear: {terms: [{of: 'model::(h\\..+)', weight: 0.7}, {of: 'tuned::\\1', weight: 0.3}], to: 'model::\\1'}",
                 "- load: {path: tiny_gpt2.safetensors, alias: tuned}"});
  schema.called_elsewhere({"merge", "average", "weighted_sum", "soup", "lerp", "interpolate_models"});
  add_terms(schema);
  schema.reference(&LinearSpec::to, "to", result()).doc("The tensor that takes the sum, new or replaced.");
  schema.field(&LinearSpec::in, "in")
      .defaults_to("float32, or float64 if a tensor is of this dtype")
      .doc("The dtype of the computation, a floating one.");
  schema.choice(&LinearSpec::integers, "integers", {"copy", "refuse"})
      .defaults_to("copy")
      .doc("Whether tensors of integers and bools are taken from the first term.");
  schema.check(problem_of_linear);
  registry.add(make_edit<LinearSpec>(schema, [](const LinearSpec& spec, const Row& row) {
    return std::vector{weighted_sum(spec, row.operands.front())};
  }));
}

}  // namespace brainsurgery
