// `--mergekit CONFIG OUT`: a configuration of mergekit-yaml in the place of a plan.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"
#include "brainsurgery/session.h"

namespace brainsurgery {

// The plan that the configuration is, which writes to the first of the words, and the others as they are typed:
// assignments. Throws Error.
[[nodiscard]] std::vector<ConfigItem> mergekit_items(const std::string& config, std::vector<std::string> words,
                                                     Session& session, Env& env);

}  // namespace brainsurgery
