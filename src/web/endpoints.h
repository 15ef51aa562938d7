// The table of the API.
#pragma once

#include <vector>

#include "brainsurgery/registries.h"
#include "web/endpoint.h"
#include "web/workbench.h"

namespace brainsurgery::web {

// `bench` and `registries` outlive them.
[[nodiscard]] std::vector<Endpoint> endpoints(Workbench& bench, const Registries& registries);

// Its chapters.
[[nodiscard]] std::vector<Endpoint> session_endpoints(Workbench& bench, const Registries& registries);
[[nodiscard]] std::vector<Endpoint> tensor_endpoints(Workbench& bench);
[[nodiscard]] std::vector<Endpoint> compatible_endpoints(Workbench& bench, const Registries& registries);

// "model", "model_2": the first that no model has.
[[nodiscard]] std::string free_alias(Run& run);
// What the page shows of the run, for work that holds it.
[[nodiscard]] Json state_of(Workbench& bench, Run& run);
[[nodiscard]] Json json_of(const TensorInfo& tensor);
// Of a dtype that does not compute the count alone.
[[nodiscard]] Json summary_json(const TensorInfo& tensor, const ElementSummary& elements);
[[nodiscard]] Json histogram_json(const Histogram& histogram);

}  // namespace brainsurgery::web
