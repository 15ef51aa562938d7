#include "session/registries.h"

#include "commands/families.h"
#include "lowering/functions.h"
#include "merging/families.h"
#include "predicates/families.h"
#include "transforms/families.h"

namespace brainsurgery {

FormatNames names_of(const FormatRegistry& formats) { return {formats.readable_names(), formats.writable_names()}; }

Registries builtin_registries(const OperationTable& operations, const ReducerTable& reducers) {
  Registries registries{all_formats(), all_predicates(), {}};
  add_transforms(registries.steps, std::make_shared<const FormulaFunctions>(operations, reducers));
  add_merging(registries.steps);
  add_assert(registries.steps);
  add_commands(registries.steps, names_of(registries.formats));
  return registries;
}

Catalog catalog_of(const Registries& registries) {
  std::vector<Schema> steps, operators;
  for (const Step& step : registries.steps.steps()) steps.push_back(step.schema);
  for (const Predicate& predicate : registries.predicates.predicates()) operators.push_back(predicate.schema);
  return make_catalog(std::move(steps), std::move(operators), names_of(registries.formats));
}

}  // namespace brainsurgery
