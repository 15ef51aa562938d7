// The files that a directory takes over from the folder of the model that is written into it.
#pragma once

#include <string>

#include "session/output.h"

namespace brainsurgery {

// Adds them to the output in front of the weights, so that an index stays the last file. `target`: as for bind_files.
// Throws Error(plan) where `carry` does not go with the target, Error(run) for files that cannot be opened.
void add_carried_files(Env& env, const FormatRegistry& formats, const WriteTarget& target, const ModelContent& model,
                       BoundOutput& output);

}  // namespace brainsurgery
