// matmul: the matrix product, by torch.matmul's rules.
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct MatmulSpec {
  TensorRef from_a, from_b, to;
};

}  // namespace

void add_matmul(StepRegistry& registry) {
  SchemaBuilder<MatmulSpec> schema(
      "matmul",
      {"Multiplies matrices into a new tensor.",
       "By torch.matmul's rules: vectors (two give a scalar), matrices, and batches of matrices whose other dimensions "
       "are broadcast. The operands have one dtype, not bool and no 8-bit float; half types are computed in float32 "
       "and "
       "rounded once. The last bits depend on the BLAS library.",
       "matmul: {from_a: 'wpe.weight', from_b: 'h.0.attn.c_proj.weight', to: 'projected'}"});
  schema.called_elsewhere({"mm", "bmm", "dot", "product"});
  schema.reference(&MatmulSpec::from_a, "from_a", roles::source())
      .doc("The left operand; its pattern names the others.");
  schema.reference(&MatmulSpec::from_b, "from_b", roles::paired_source()).doc("The right operand.");
  schema.reference(&MatmulSpec::to, "to", roles::created()).doc("The new name.");
  registry.add(make_edit<MatmulSpec>(schema, [](const MatmulSpec&, const Row& row) {
    return std::vector{matmul(row.one(0), row.one(1))};
  }));
}

}  // namespace brainsurgery
