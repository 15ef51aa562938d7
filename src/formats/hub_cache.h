// huggingface_hub's cache folder of one model: a folder for each commit, and refs/main with the name of the current one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

// The folder "snapshots/COMMIT/" in `root` ("HUB/models--org--name/"), whose entries are `names`, that stands for the
// model; nullopt where `root` is no such cache. Throws Error(run) that begins with `subject` where it holds no snapshot,
// or several of which refs/main names none.
[[nodiscard]] std::optional<std::string> find_snapshot(Env& env, const std::string& root,
                                                       const std::vector<std::string>& names,
                                                       const std::string& subject);

}  // namespace brainsurgery
