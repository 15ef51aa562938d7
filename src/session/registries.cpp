#include "session/registries.h"

#include "commands/families.h"
#include "predicates/families.h"
#include "transforms/families.h"

namespace brainsurgery {

StepRegistry all_steps(const FormatNames& formats) {
  StepRegistry registry;
  add_transforms(registry);
  add_assert(registry);
  add_commands(registry, formats);
  return registry;
}

Catalog catalog_of(const Registries& registries) {
  std::vector<Schema> steps, operators;
  for (const Step& step : registries.steps.steps()) steps.push_back(step.schema);
  for (const Predicate& predicate : registries.predicates.predicates()) operators.push_back(predicate.schema);
  return make_catalog(std::move(steps), std::move(operators), output_schema(registries.format_names));
}

}  // namespace brainsurgery
