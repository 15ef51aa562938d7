// add, subtract, multiply with a destination of their own, and add_, subtract_ into their second operand.
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct BinarySpec {
  TensorRef from, to;
};

struct TernarySpec {
  TensorRef from_a, from_b, to;
};

Edit into_existing(std::string name, Arithmetic operation, std::string summary, std::string example) {
  SchemaBuilder<TernarySpec> schema(
      std::move(name),
      {std::move(summary),
       "All three must have one shape and dtype; the destination must exist and may be one of the sources.",
       std::move(example)});
  schema.reference(&TernarySpec::from_a, "from_a", roles::source())
      .doc("The first operand; its pattern names the others.");
  schema.reference(&TernarySpec::from_b, "from_b", roles::paired_source()).doc("The second operand.");
  schema.reference(&TernarySpec::to, "to", roles::updated()).doc("The existing tensor that takes the result.");
  return make_edit<TernarySpec>(schema, [operation](const TernarySpec&, const EditMatch& match) {
    return std::vector{arithmetic(operation, match.operands[0].expr, match.operands[1].expr)};
  });
}

Edit in_place(std::string name, Arithmetic operation, std::string summary, std::string example) {
  SchemaBuilder<BinarySpec> schema(std::move(name),
                                   {std::move(summary), "Shape and dtype must be equal.", std::move(example)});
  schema.reference(&BinarySpec::from, "from", roles::source()).doc("The operand.");
  schema.reference(&BinarySpec::to, "to", roles::updated()).doc("The existing tensor that is changed.");
  return make_edit<BinarySpec>(schema, [operation](const BinarySpec&, const EditMatch& match) {
    return std::vector{arithmetic(operation, match.operands[1].expr, match.operands[0].expr)};
  });
}

}  // namespace

void add_arithmetic(TransformRegistry& registry) {
  registry.add(into_existing("add", Arithmetic::add, "Adds two tensors into a third that exists.",
                             "add: {from_a: 'a::(.+)', from_b: 'b::\\1', to: 'a::\\1'}"));
  registry.add(
      in_place("add_", Arithmetic::add, "Adds one tensor to another.", "add_: {from: 'delta::(.+)', to: 'base::\\1'}"));
  registry.add(into_existing("subtract", Arithmetic::subtract,
                             "Writes the difference of two tensors to a third that exists.",
                             "subtract: {from_a: 'tuned::(.+)', from_b: 'base::\\1', to: 'tuned::\\1'}"));
  registry.add(in_place("subtract_", Arithmetic::subtract, "Subtracts one tensor from another.",
                        "subtract_: {from: 'base::(.+)', to: 'tuned::\\1'}"));
  registry.add(into_existing("multiply", Arithmetic::multiply,
                             "Multiplies two tensors element by element into a third that exists.",
                             "multiply: {from_a: 'w', from_b: 'mask', to: 'w'}"));
}

}  // namespace brainsurgery
