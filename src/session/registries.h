// How the registries describe themselves.
#pragma once

#include "brainsurgery/registries.h"
#include "describe/catalog.h"
#include "plan/plan_file.h"

namespace brainsurgery {

[[nodiscard]] FormatNames names_of(const FormatRegistry& formats);

// All steps and operators, and the output of plans.
[[nodiscard]] Catalog catalog_of(const Registries& registries);

}  // namespace brainsurgery
