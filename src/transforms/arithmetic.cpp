// add, subtract, multiply with a destination of their own, and add_, subtract_ into their second operand.
#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct BinarySpec {
  TensorRef from, to;
};

struct TernarySpec {
  TensorRef from_a, from_b, to;
};

// Every example works on two models of one architecture.
constexpr const char* kSecondModel = "- load: {path: tiny_gpt2.safetensors, alias: tuned}";

constexpr const char* kRules =
    "Shapes and dtypes, after slicing, must be equal: nothing is broadcast or converted. Types below 32 bits are "
    "computed "
    "in float32 and rounded once, integers wrap. Of bool, a sum is 'or', a product is 'and', and a difference is "
    "refused.";

// `match`: in the order of the keys, which is that of messages.
void require_equal_shapes(const EditMatch& match) {
  const Expr &first = match.operands[0].expr, &second = match.operands[1].expr;
  if (first.shape() != second.shape()) {
    throw Error(ErrorCode::plan,
                fmt::format("shapes differ: {} and {}", to_string(first.shape()), to_string(second.shape())));
  }
}

Edit into_existing(std::string name, std::string_view operation_name, std::string summary, std::string example,
                   std::string setup = "") {
  SchemaBuilder<TernarySpec> schema(
      std::move(name),
      {std::move(summary), fmt::format("The destination exists before and may be one of the sources. {}", kRules),
       std::move(example), std::move(setup)});
  schema.reference(&TernarySpec::from_a, "from_a", roles::source())
      .doc("The first operand; its pattern names the others.");
  schema.reference(&TernarySpec::from_b, "from_b", roles::paired_source()).doc("The second operand.");
  schema.reference(&TernarySpec::to, "to", roles::updated()).doc("The existing tensor that takes the result.");
  const Operation& combination = operation(operation_name);
  return make_edit<TernarySpec>(schema, [&combination](const TernarySpec&, const EditMatch& match) {
    require_equal_shapes(match);
    return std::vector{map(combination, {match.operands[0].expr, match.operands[1].expr})};
  });
}

Edit in_place(std::string name, std::string_view operation_name, std::string summary, std::string example) {
  SchemaBuilder<BinarySpec> schema(std::move(name), {std::move(summary), kRules, std::move(example), kSecondModel});
  schema.reference(&BinarySpec::from, "from", roles::source()).doc("The operand.");
  schema.reference(&BinarySpec::to, "to", roles::updated()).doc("The existing tensor that is changed.");
  const Operation& combination = operation(operation_name);
  return make_edit<BinarySpec>(schema, [&combination](const BinarySpec&, const EditMatch& match) {
    require_equal_shapes(match);
    return std::vector{map(combination, {match.operands[1].expr, match.operands[0].expr})};
  });
}

}  // namespace

void add_arithmetic(TransformRegistry& registry) {
  registry.add(into_existing("add", "add", "Adds two tensors into a third that exists.",
                             "add: {from_a: 'tuned::(.+)', from_b: 'model::\\1', to: 'tuned::\\1'}", kSecondModel));
  registry.add(in_place("add_", "add", "Adds one tensor to another.", "add_: {from: 'tuned::(.+)', to: 'model::\\1'}"));
  registry.add(into_existing("subtract", "subtract", "Writes the difference of two tensors to a third that exists.",
                             "subtract: {from_a: 'tuned::(.+)', from_b: 'model::\\1', to: 'tuned::\\1'}",
                             kSecondModel));
  registry.add(in_place("subtract_", "subtract", "Subtracts one tensor from another.",
                        "subtract_: {from: 'model::(.+)', to: 'tuned::\\1'}"));
  registry.add(into_existing(
      "multiply", "multiply", "Multiplies two tensors element by element into a third that exists.",
      "multiply: {from_a: 'h\\.(\\d+)\\.ln_1\\.weight', from_b: 'h.\\1.ln_2.weight', to: 'h.\\1.ln_1.weight'}"));
}

}  // namespace brainsurgery
