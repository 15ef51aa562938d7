// Completion of paths.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

// What is in the folder that the word begins with, as the word spells it; folders end in '/' and are always among it,
// files where `wanted` says so. Hidden ones only if the word asks for them. A folder that cannot be read has nothing.
[[nodiscard]] std::vector<std::string> path_words(Env& env, std::string_view word,
                                                  const std::function<bool(const std::string& name)>& wanted);

}  // namespace brainsurgery
