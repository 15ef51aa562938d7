// The steps, and the operators of assertions, as forms: what the page asks for follows from the schemas.
#pragma once

#include "describe/catalog.h"
#include "web/json.h"

namespace brainsurgery::web {

// {"steps": [FORM], "operators": [FORM]}, each FORM {"name", "summary", "details", "example", "called_elsewhere",
// "operator": whether the payload is one, "needs_one_of", "shorthand", "shorthand_only", "fields": [{"name", "docs",
// "required", "default", "type", "kind", "choices", "many", "reads", "writes", "template"}]}.
[[nodiscard]] Json step_forms(const Catalog& catalog);

}  // namespace brainsurgery::web
