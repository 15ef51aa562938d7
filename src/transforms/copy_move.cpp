// copy, move, delete, assign: tensors under other names and in other places.
#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct PairSpec {
  TensorRef from, to;
};

struct TargetSpec {
  TensorRef target;
};

std::vector<Expr> source_of(const PairSpec&, const EditMatch& match) { return {match.operands.front().expr}; }

Edit copy() {
  SchemaBuilder<PairSpec> schema(
      "copy", {"Copies tensors, or parts of them, to new names.", "The copy is independent of the original.",
               "copy: {from: 'h\\.(\\d+)\\.w', to: 'backup.\\1.w'}"});
  schema.reference(&PairSpec::from, "from", roles::source()).doc("What to copy.");
  schema.reference(&PairSpec::to, "to", roles::created()).doc("The new name.");
  return make_edit<PairSpec>(schema, source_of);
}

Edit move() {
  SchemaBuilder<PairSpec> schema(
      "move", {"Renames tensors, also from one model to another.", "", "move: {from: 'model\\.(.+)', to: '\\1'}"});
  schema.reference(&PairSpec::from, "from", roles::moved()).doc("What to rename.");
  schema.reference(&PairSpec::to, "to", roles::created()).doc("The new name.");
  Edit edit = make_edit<PairSpec>(schema, source_of);
  edit.renames = true;
  return edit;
}

Edit remove() {
  SchemaBuilder<TargetSpec> schema(
      "delete", {"Removes tensors.", "It is an error if nothing matches.", "delete: {target: '.*\\.inv_freq'}"});
  schema.reference(&TargetSpec::target, "target", roles::deleted()).doc("What to remove.");
  return make_edit<TargetSpec>(schema, [](const TargetSpec&, const EditMatch&) { return std::vector<Expr>(); });
}

Edit assign() {
  SchemaBuilder<PairSpec> schema("assign", {"Writes the elements of one tensor into another.",
                                            "Shape and dtype must be equal; both may be sliced.",
                                            "assign: {from: 'new_row', to: 'wte.weight::[50256]'}"});
  schema.reference(&PairSpec::from, "from", roles::source()).doc("Where the elements come from.");
  schema.reference(&PairSpec::to, "to", roles::updated()).doc("The existing tensor to write to.");
  return make_edit<PairSpec>(schema, source_of);
}

}  // namespace

void add_copy_move(TransformRegistry& registry) {
  registry.add(copy());
  registry.add(move());
  registry.add(remove());
  registry.add(assign());
}

}  // namespace brainsurgery
