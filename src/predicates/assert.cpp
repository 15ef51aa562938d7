// assert: the step that holds a condition.
#include "plan/yaml_tree.h"
#include "predicates/families.h"

namespace brainsurgery {

void add_assert(StepRegistry& registry) {
  SchemaBuilder<Assertion> schema(
      "assert", {"Ends the run unless a condition on tensors holds.",
                 "The payload is one operator with its own payload. Conditions on names, dtypes and shapes are checked "
                 "before any data is read; conditions on values when the step is reached. Nothing is written after a "
                 "failure: the exit code is "
                 "1. Tensors are never changed, but some operators count a read of the tensors that they check.",
                 "assert: {shape: {of: 'wte.weight', is: [96, 32]}}"});
  schema.called_elsewhere({"check", "require", "expect", "verify"});
  schema
      .custom("of", one_operator(),
              [](const YamlNode& value, const FieldDecoder& decoder, Assertion& assertion) {
                if (auto decoded = decode_assertion(value, decoder.context(), decoder.path())) assertion = *decoded;
              })
      .require()
      .doc("One operator with its payload.");
  schema.shorthand("of", true);
  registry.add(make_condition<Assertion>(
      schema, [](const Assertion& assertion, NameScope& names) { return assertion.bind(names); }));
}

}  // namespace brainsurgery
