#include "session/registries.h"

namespace brainsurgery {

Catalog catalog_of(const Registries& registries) {
  std::vector<Schema> steps{assertion_schema()}, operators;
  for (const Edit& edit : registries.transforms.edits()) steps.push_back(edit.schema);
  for (const Command& command : registries.commands.commands()) steps.push_back(command.schema);
  for (const Predicate& predicate : registries.predicates.predicates()) operators.push_back(predicate.schema);
  return make_catalog(std::move(steps), std::move(operators), output_schema(registries.format_names));
}

}  // namespace brainsurgery
