// copy, move, rename, delete, assign: tensors under other names and in other places.
#include "plan/inverse_names.h"
#include "transforms/families.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

struct PairSpec {
  TensorRef from, to;
};

struct TargetSpec {
  TensorRef target;
};

std::vector<Expr> source_of(const PairSpec&, const Row& row) { return {row.one(0)}; }

constexpr const char* kDelete = "delete";

// Of a step that gives `from` the name `to`.
Undo undone_by(const char* step) {
  return [step](const WrittenStep& written) {
    const NamePair names = inverse_names(*written_field(written, "from"), *written_field(written, "to"));
    return UndoingStep{step, payload_of(written, {{"from", names.pattern}, {"to", names.result}}), {"name"}};
  };
}

// What may be missing is not needed to do the plan again.
UndoingStep restored(const WrittenStep& written) {
  if (written.optional) return {};
  cannot_undo(written, "the tensors that it removes are gone");
}

Step copy() {
  SchemaBuilder<PairSpec> schema(
      "copy", {"Copies tensors, or parts of them, to new names.",
               "The copy is independent of the original, keeps its dtype and may belong to another model. Of a sliced "
               "source only the part is copied.",
               "copy: {from: 'h\\.(\\d+)\\.attn\\.c_attn\\.weight::[:, 0:32]', to: 'h.\\1.attn.q.weight'}"});
  schema.called_elsewhere({"cp", "clone", "duplicate", "slice"});
  schema.reference(&PairSpec::from, "from", roles::source()).doc("The tensors to copy.");
  schema.reference(&PairSpec::to, "to", roles::created()).doc("The new name.");
  return make_edit<PairSpec>(schema, source_of).undone_by(undone_by_deleting);
}

Step move() {
  constexpr const char* kMove = "move";
  SchemaBuilder<PairSpec> schema(
      kMove,
      {"Renames tensors, also from one model to another.",
       "All destinations are checked before the first tensor is renamed, so a destination that is itself about to "
       "be renamed still exists. The counters of the new name start anew.",
       "move: {from: '(.+)', to: 'transformer.\\1'}"});
  schema.called_elsewhere({"mv"});
  schema.reference(&PairSpec::from, "from", roles::moved()).doc("The tensors to rename.");
  schema.reference(&PairSpec::to, "to", roles::renamed()).doc("The new name.");
  return make_edit<PairSpec>(schema, source_of).undone_by(undone_by(kMove));
}

Step rename() {
  constexpr const char* kRename = "rename";
  SchemaBuilder<PairSpec> schema(
      kRename, {"Renames tensors of a model, all at once.",
                 "A tensor may take the name that another one gives up, so that names can be exchanged. With the rows of "
                 "a file, `each` is a table of names.",
                 "rename: {from: h.$i.*rest, to: 'h.${1 - i}.*rest'}"});
  schema.called_elsewhere({"ren", "rename_keys", "swap"});
  schema.reference(&PairSpec::from, "from", roles::moved()).doc("The tensors to rename.");
  schema.reference(&PairSpec::to, "to", roles::exchanged()).doc("The new name, in the same model.");
  return make_edit<PairSpec>(schema, source_of).undone_by(undone_by(kRename));
}

Step remove() {
  SchemaBuilder<TargetSpec> schema(
      kDelete, {"Removes tensors.",
                 "Their counters are forgotten. No file is changed: removed tensors are missing from the output.",
                 "delete: {target: 'h\\.1\\..+'}"});
  schema.called_elsewhere({"remove", "rm", "drop", "del", "prune"});
  schema.reference(&TargetSpec::target, "target", roles::deleted()).doc("The tensors to remove.");
  return make_edit<TargetSpec>(schema, [](const TargetSpec&, const Row&) { return std::vector<Expr>(); })
      .undone_by(restored);
}

Step assign() {
  SchemaBuilder<PairSpec> schema("assign", {"Writes the elements of one tensor into another.",
                                            "Shape and dtype, after slicing, must be equal: nothing is broadcast or "
                                            "converted. Of a sliced destination only that part is written.",
                                            "assign: {from: 'wte.weight::[0]', to: 'wte.weight::[95]'}"});
  schema.called_elsewhere({"overwrite", "copy_", "set_value"});
  schema.reference(&PairSpec::from, "from", roles::source()).doc("Where the elements come from.");
  schema.reference(&PairSpec::to, "to", roles::updated()).doc("The existing tensor to write to.");
  return make_edit<PairSpec>(schema, source_of);
}

}  // namespace

UndoingStep undone_by_deleting(const WrittenStep& written) {
  const YamlPtr from = written_field(written, "from");
  const std::size_t slice = from->is_string() ? from->text().find("::[") : std::string::npos;
  const YamlPtr whole = slice == std::string::npos ? from : YamlNode::text(from->span(), from->text().substr(0, slice));
  const NamePair names = inverse_names(*whole, *written_field(written, "to"));
  return {kDelete, payload_of(written, {{"target", names.pattern}}), all_facts()};
}

std::vector<std::string> all_facts() {
  std::vector<std::string> facts = facts_of_shape();
  facts.insert(facts.end(), {"name", "dtype", "elements", "bytes", "is_floating"});
  return facts;
}

std::vector<std::string> facts_of_shape() { return {"shape", "rank"}; }

void add_copy_move(StepRegistry& registry) {
  registry.add(copy());
  registry.add(move());
  registry.add(rename());
  registry.add(remove());
  registry.add(assign());
}

}  // namespace brainsurgery
