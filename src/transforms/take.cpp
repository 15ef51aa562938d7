// take: the parts of a tensor that an index names.
#include "transforms/families.h"
#include "transforms/operands.h"

namespace brainsurgery {
namespace {

struct TakeSpec {
  TensorRef from, index, to;
  std::int64_t dim = 0;
};

std::vector<Expr> taken(const TakeSpec& spec, const Row& row) {
  const Expr& from = row.one(0);
  return {take(from, row.one(1), resolve_dim(spec.dim, from.shape()))};
}

}  // namespace

void add_take(StepRegistry& registry) {
  SchemaBuilder<TakeSpec> schema(
      "take",
      {"Writes the parts of tensors that an index names to new names.",
       "The index is a tensor of integers with one dimension; part i of the result is part index[i] of the source. An "
       "index may be named several times; one that does not exist, or is negative, ends the run when it is read.",
       "take: {from: 'wte.weight', index: 'kept', to: 'wte.kept'}",
       "- zeroes: {target: 'kept', shape: [3], dtype: int64}\n"
       "- fill_: {target: 'kept', mode: tensor, values: [0, 2, 5]}"});
  schema.called_elsewhere({"index_select", "gather", "select", "take_along_dim"});
  schema.reference(&TakeSpec::from, "from", roles::source()).doc("The tensors to take from.");
  schema.reference(&TakeSpec::index, "index", roles::paired_source()).doc("The index.");
  schema.reference(&TakeSpec::to, "to", roles::created()).doc("The new name.");
  schema.field(&TakeSpec::dim, "dim").defaults_to("0").doc("The dimension; negative counts from the end.");
  registry.add(make_edit<TakeSpec>(schema, taken));
}

}  // namespace brainsurgery
