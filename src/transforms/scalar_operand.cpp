#include "transforms/scalar_operand.h"

#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

struct ElementSpec {
  TensorRef tensor;
};

SchemaBuilder<ElementSpec> element_schema() {
  SchemaBuilder<ElementSpec> schema("element", {"The only element of a tensor.", "", "{tensor: 'h.0.ln_1.weight'}"});
  Role role = roles::paired_source();
  role.slice = true;
  schema.reference(&ElementSpec::tensor, "tensor", role).doc("A tensor of one element, named from the match.");
  return schema;
}

}  // namespace

FieldTypePtr scalar_operand_type() {
  return one_of_types({scalar(Scalar::number), record_of(element_schema().schema())},
                      [](const YamlNode& value) -> std::size_t { return value.is_mapping() ? 1 : 0; });
}

ScalarOperand decode_scalar_operand(const YamlNode& value, const FieldDecoder& decoder) {
  ScalarOperand operand;
  if (!value.is_mapping()) {
    operand.number = decoder.exact_number(value);
  } else if (const auto element = element_schema().decoder()(value, decoder.context(), decoder.path())) {
    operand.tensor = element->tensor;
  }
  return operand;
}

std::vector<FieldReference> references_of(const ScalarOperand& operand) {
  if (!operand.tensor) return {};
  return {{&*operand.tensor, ".tensor"}};
}

Expr element_of(const Row& row, std::size_t operand, const char* field, DType dtype) {
  const Operand& found = row.operands[operand].front();
  const TensorDesc& desc = found.expr.desc();
  if (element_count(desc.shape) != 1) {
    throw Error(ErrorCode::plan, fmt::format("'{}' takes a tensor of one element, {}::{} has shape {}", field, found.alias,
                                             found.name, to_string(desc.shape)));
  }
  if (is_floating(desc.dtype) && !is_floating(dtype)) {
    throw Error(ErrorCode::plan, fmt::format("'{}' of {} takes a tensor of integers, {}::{} has dtype {}", field,
                                             to_string(dtype), found.alias, found.name, to_string(desc.dtype)));
  }
  return cast(reshape(found.expr, {}), dtype);
}

}  // namespace brainsurgery
