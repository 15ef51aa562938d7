// Steps that merge models and adapters, one function and one file each; all_merging.cpp calls them.
#pragma once

#include "brainsurgery/step.h"

namespace brainsurgery {

void add_lora_merge(StepRegistry& registry);
void add_lora_extract(StepRegistry& registry);
void add_lora_combine(StepRegistry& registry);
void add_merge(StepRegistry& registry);

void add_merging(StepRegistry& registry);

}  // namespace brainsurgery
