// What a step that edits tensors is: a schema and a pure function from matched expressions to new ones.
//
//   Edit scale() {
//     SchemaBuilder<ScaleSpec> schema("scale", {...});
//     ...
//     return make_edit<ScaleSpec>(schema, [](const ScaleSpec& spec, const EditMatch& match) {
//       return std::vector{map(operation("scale"), {match.operands[0].expr}, {.numbers = {spec.by}})};
//     });
//   }
//
// Adding one: a function like this in a file of this folder and a line in all_transforms.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/expr.h"
#include "plan/schema.h"

namespace brainsurgery {

// A tensor that a reference selected. `expr` is the sliced part where the reference has a slice.
struct Operand {
  std::string alias;
  std::string name;
  Expr expr;
};

// One match of a step's pattern with everything that its other references lead to.
struct EditMatch {
  std::vector<Operand> operands;  // of the fields that read, in the order of the schema; lists flattened
  // What the reference that writes, of that number, names before the step: a tensor, or the part that a slice selects.
  // nullopt: nothing.
  std::function<std::optional<TensorDesc>(std::size_t target)> replaced;
  // For random values without a seed: from the step's place in the plan and the written name. Asking is recorded.
  std::function<std::uint64_t()> seed;
  std::function<std::uint64_t()> key;  // for random values by counter: from the written name alone
};

struct Edit {
  Schema schema;
  // nullptr after mistakes, which are reported.
  std::function<std::shared_ptr<const void>(const YamlNode& payload, const DecodeContext& context)> decode;
  // The new tensors, one for each reference that writes, in the order of the schema. A value for a slice, or for a
  // tensor that must exist, must have the shape and dtype of what it replaces, unless `rebinds`. Throws Error(plan), which may
  // have a place.
  std::function<std::vector<Expr>(const void* spec, const EditMatch& match)> lower;
  // A result that is for no slice takes the place of the tensor whatever its shape and dtype were: cast_, reshape_.
  bool rebinds = false;
  // The one result keeps the content and counts as a new tensor: move.
  bool renames = false;
  // What to warn of once all matches are there, by the tensors that they read first; empty: nothing. May be unset.
  std::function<std::string(const void* spec, const std::vector<Operand>& sources)> warning = nullptr;
};

template <typename Spec>
[[nodiscard]] Edit make_edit(const SchemaBuilder<Spec>& builder,
                             std::function<std::vector<Expr>(const Spec&, const EditMatch&)> lower) {
  Edit edit;
  edit.schema = builder.schema();
  edit.decode = [decode = builder.decoder(), name = edit.schema.name](
                    const YamlNode& payload, const DecodeContext& context) -> std::shared_ptr<const void> {
    return decode(payload, context, name);
  };
  edit.lower = [lower = std::move(lower)](const void* spec, const EditMatch& match) {
    return lower(*static_cast<const Spec*>(spec), match);
  };
  return edit;
}

// Every edit of the program, by name.
class TransformRegistry {
 public:
  void add(Edit edit);
  [[nodiscard]] const Edit* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Edit>& edits() const { return edits_; }

 private:
  std::vector<Edit> edits_;
};

[[nodiscard]] TransformRegistry all_transforms();

}  // namespace brainsurgery
