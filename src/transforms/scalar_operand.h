// A number of a plan, or the only element of a tensor: `by: 0.5`, `by: {tensor: '\1.alpha'}`.
//
//   struct ScaleSpec { TensorRef from, to; ScalarOperand by; };
//   add_scalar(schema, &ScaleSpec::by, "by");
//   spec.by.tensor ? element_of(row, 1, "by", dtype) : ...      // its field is the second one that reads
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/step.h"

namespace brainsurgery {

struct ScalarOperand {
  std::optional<ExactNumber> number;
  std::optional<TensorRef> tensor;

  [[nodiscard]] bool is_given() const { return number || tensor; }
};

[[nodiscard]] FieldTypePtr scalar_operand_type();
[[nodiscard]] ScalarOperand decode_scalar_operand(const YamlNode& value, const FieldDecoder& decoder);
[[nodiscard]] std::vector<FieldReference> references_of(const ScalarOperand& operand);

// The tensor's name is a template of the first reference's match.
template <typename Spec>
Field& add_scalar(SchemaBuilder<Spec>& schema, ScalarOperand Spec::*member, std::string name) {
  Field& field = schema.custom(std::move(name), scalar_operand_type(),
                               [member](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                                 spec.*member = decode_scalar_operand(value, decoder);
                               });
  field.role = roles::paired_source();
  field.references = [member](const void* spec) { return references_of(static_cast<const Spec*>(spec)->*member); };
  return field;
}

// The element as a scalar of the dtype. `operand`: the number of the field among those that read. Throws Error(plan) for
// a tensor of more than one element, and where integers or bools would be made of floats.
[[nodiscard]] Expr element_of(const Row& row, std::size_t operand, const char* field, DType dtype);

}  // namespace brainsurgery
