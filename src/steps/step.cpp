#include "brainsurgery/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery {

void StepRegistry::add(Step step) {
  if (find(step.schema.name) != nullptr)
    throw Error(ErrorCode::plan, fmt::format("there is a step '{}' already", step.schema.name));
  steps_.push_back(std::move(step));
}

const Step* StepRegistry::find(std::string_view name) const {
  const auto found =
      std::ranges::find(steps_, name, [](const Step& step) -> std::string_view { return step.schema.name; });
  return found == steps_.end() ? nullptr : &*found;
}

}  // namespace brainsurgery
