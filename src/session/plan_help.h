// What a plan says of itself: the comment at its top and its parameters.
#pragma once

#include <memory>
#include <string>

#include "brainsurgery/error.h"

namespace brainsurgery {

// Throws Error(plan) for a text that is no YAML.
[[nodiscard]] std::string plan_help(const std::shared_ptr<const SourceText>& plan);

}  // namespace brainsurgery
